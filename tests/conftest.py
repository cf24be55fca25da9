"""Settings that every test shares."""

from hypothesis import settings

settings.register_profile(
    "house",
    deadline=None,  # a busy machine is no failure
    derandomize=True,  # the same examples on every run: a red build is a red change
    max_examples=40,
)
settings.register_profile("hunt", deadline=None, max_examples=1000, database=None)
"""For people with time: ``pytest tests/properties --hypothesis-profile hunt``."""

settings.load_profile("house")
