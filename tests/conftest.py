"""What holds for every test: random tests have no time limit of their own and print what they failed on."""

from hypothesis import settings

settings.register_profile("roadmark", deadline=None, print_blob=True)
settings.load_profile("roadmark")
