"""The vault: what is sealed opens with its master key, in its place, and nowhere else."""

from dataclasses import replace
from itertools import product

import pytest

from maestro.errors import DamagedSecret, MasterKeyMissing
from maestro.vault import MasterKeys, Sealed, Vault, key_id, new_master_key

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
PLAIN = b'{"password":"hush"}'
HERE = "organization 1, connector 1"


def altered(sealed: Sealed, part: str, content: bytes) -> Sealed:
    return replace(sealed, wrapped_key=content) if part == "wrapped_key" else replace(sealed, ciphertext=content)


def vault(*keys: bytes) -> Vault:
    return Vault(lambda: MasterKeys(keys))


def test_what_is_sealed_opens() -> None:
    sealed = vault(OLD).seal(PLAIN, belongs_to=HERE)
    assert sealed.key_id == key_id(OLD)
    assert vault(OLD).open(sealed, belongs_to=HERE) == PLAIN


def test_the_same_secret_sealed_twice_has_nothing_in_common_but_its_length() -> None:
    first, second = [vault(OLD).seal(PLAIN, belongs_to=HERE) for _ in range(2)]
    assert first.ciphertext != second.ciphertext
    assert first.wrapped_key != second.wrapped_key
    assert len(first.ciphertext) == len(second.ciphertext) == len(PLAIN) + 12 + 16
    assert len(first.wrapped_key) == 32 + 12 + 16


@pytest.mark.parametrize("elsewhere", ["organization 1, connector 2", "organization 2, connector 1", ""])
def test_a_secret_does_not_open_in_another_place(elsewhere: str) -> None:
    sealed = vault(OLD).seal(PLAIN, belongs_to=HERE)
    with pytest.raises(DamagedSecret):
        vault(OLD).open(sealed, belongs_to=elsewhere)
    with pytest.raises(DamagedSecret):
        vault(OLD).rewrap(sealed, belongs_to=elsewhere)


@pytest.mark.parametrize(("part", "place"), list(product(["wrapped_key", "ciphertext"], [0, 11, 12, -17, -1])))
def test_a_bit_that_has_changed_anywhere_is_found(part: str, place: int) -> None:
    sealed = vault(OLD).seal(PLAIN, belongs_to=HERE)
    content = bytearray(getattr(sealed, part))
    content[place] ^= 1
    with pytest.raises(DamagedSecret) as raised:
        vault(OLD).open(altered(sealed, part, bytes(content)), belongs_to=HERE)
    assert raised.value.code == "DAMAGED_SECRET"


@pytest.mark.parametrize("rest", [0, 5, 12, 27])
def test_what_was_cut_off_is_damaged(rest: int) -> None:
    sealed = vault(OLD).seal(PLAIN, belongs_to=HERE)
    for part in ("wrapped_key", "ciphertext"):
        with pytest.raises(DamagedSecret):
            vault(OLD).open(altered(sealed, part, getattr(sealed, part)[:rest]), belongs_to=HERE)


def test_the_parts_of_two_secrets_of_one_place_do_not_fit_together() -> None:
    first, second = [vault(OLD).seal(PLAIN, belongs_to=HERE) for _ in range(2)]
    with pytest.raises(DamagedSecret):
        vault(OLD).open(replace(first, ciphertext=second.ciphertext), belongs_to=HERE)


def test_a_secret_under_a_key_that_is_not_there_says_which_one() -> None:
    sealed = vault(OLD).seal(PLAIN, belongs_to=HERE)
    with pytest.raises(MasterKeyMissing, match=key_id(OLD)) as raised:
        vault(NEW).open(sealed, belongs_to=HERE)
    assert raised.value.code == "MASTER_KEY_MISSING"


def test_an_earlier_key_opens_and_the_first_one_seals() -> None:
    sealed = vault(OLD).seal(PLAIN, belongs_to=HERE)
    both = vault(NEW, OLD)
    assert both.open(sealed, belongs_to=HERE) == PLAIN
    assert both.seal(PLAIN, belongs_to=HERE).key_id == key_id(NEW)


def test_wrapping_anew_leaves_the_ciphertext_and_needs_the_new_key_alone() -> None:
    sealed = vault(OLD).seal(PLAIN, belongs_to=HERE)
    wrapped = vault(NEW, OLD).rewrap(sealed, belongs_to=HERE)
    assert (wrapped.key_id, wrapped.ciphertext) == (key_id(NEW), sealed.ciphertext)
    assert vault(NEW).open(wrapped, belongs_to=HERE) == PLAIN


def test_keys_that_change_while_a_server_runs_are_used_at_once() -> None:
    keys = [OLD]
    running = Vault(lambda: MasterKeys(keys))
    keys.insert(0, NEW)
    assert running.seal(PLAIN, belongs_to=HERE).key_id == key_id(NEW)


def test_no_form_of_a_vault_shows_a_key() -> None:
    key = new_master_key()
    keys, made = MasterKeys([key]), vault(key)
    sealed = made.seal(PLAIN, belongs_to=HERE)
    shown = repr((keys, made, sealed, str(keys), str(made), str(sealed)))
    assert shown == repr((keys, made, Sealed(key_id(key), b"", b""), str(keys), str(made), str(sealed)))
    assert all(form not in shown for form in (repr(key)[2:-1], key.hex(), repr(sealed.wrapped_key)[2:-1]))
