"""How often Python looks for garbage that counting references did not free."""

import gc


def collect_seldom() -> None:
    """Look after 50,000 new objects instead of 700, and through everything only after a thousand such looks.

    A million objects live as long as the process: models, rules, forms, translations. To go through them again and again took two
    fifths of the processor time of the tests; what a request leaves behind is young, and found all the same.
    """
    gc.set_threshold(50_000, 20, 50)
