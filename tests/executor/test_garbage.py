"""While a service works, the search for garbage looks only through what was made since its start."""

import gc

from .conftest import Driver


def test_what_a_service_starts_with_is_spared_until_it_stops(driver: Driver) -> None:
    assert id(driver.service) not in {id(one) for one in gc.get_objects()}
    made_since = [driver]
    assert any(one is made_since for one in gc.get_objects())
    driver.service.stop()
    assert any(one is driver.service for one in gc.get_objects())
    assert gc.get_freeze_count() == 0
