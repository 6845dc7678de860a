import json

from tests.app.conftest import Program


def test_seed_loads_the_demo_and_says_how_much_it_was(program: Program) -> None:
    done = program.run("seed")
    assert done.returncode == 0, done.stderr
    assert "294 runs" in done.stdout
    assert "/graphiql" in done.stdout
    assert "done: 996 of 996" in done.stderr


def test_seeding_twice_is_an_error_unless_only_an_empty_database_is_wanted(program: Program) -> None:
    first = program.invoke("seed", "--scale", "3", "--json")
    assert first.exit_code == 0, first.stderr
    assert {name: json.loads(first.stdout)[name] for name in ("seeded", "projects", "runs", "series")} == {
        "seeded": True,
        "projects": 1,
        "runs": 3,
        "series": 24,
    }
    second = program.invoke("seed")
    assert (second.exit_code, second.stdout) == (1, "")
    assert "already has projects" in second.stderr
    quiet = program.invoke("seed", "--if-empty")
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    assert json.loads(program.invoke("seed", "--if-empty", "--json").stdout)["seeded"] is False


def test_a_scale_that_is_out_of_range_is_refused(program: Program) -> None:
    done = program.invoke("seed", "--scale", "1000001")
    assert done.exit_code == 2
    assert "1000001 is not in the range" in done.stderr
