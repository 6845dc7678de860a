from tests.rules.sources import MODULES, PACKAGES

MODULE_LINES = 300
FUNCTION_LINES = 50


def test_the_rules_see_the_modules_of_every_package() -> None:
    assert {module.package for module in MODULES} >= {*PACKAGES, "tests"}


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {module.name: len(module.text.splitlines()) for module in MODULES if not module.is_migration}
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES} == {}


def test_no_function_is_longer_than_50_lines() -> None:
    too_long = {
        f"{module.name}:{function.lineno} {function.name}": length
        for module in MODULES
        if not module.is_migration
        for function in module.functions()
        if (length := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    }
    assert too_long == {}
