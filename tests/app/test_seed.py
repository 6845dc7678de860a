import json

from tests.app.conftest import Program


def test_seed_loads_the_demo_and_says_how_much_it_was(program: Program) -> None:
    done = program.run("seed")
    assert done.returncode == 0, done.stderr
    assert "294 runs" in done.stdout
    assert "/graphiql" in done.stdout
    assert "done: 996 of 996" in done.stderr


def test_seeding_twice_is_an_error_unless_only_an_empty_database_is_wanted(program: Program) -> None:
    first = program.run("seed", "--scale", "3", "--json")
    assert first.returncode == 0, first.stderr
    assert {name: json.loads(first.stdout)[name] for name in ("seeded", "projects", "runs", "series")} == {
        "seeded": True,
        "projects": 1,
        "runs": 3,
        "series": 24,
    }
    second = program.run("seed")
    assert (second.returncode, second.stdout) == (1, "")
    assert "already has projects" in second.stderr
    quiet = program.run("seed", "--if-empty")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert json.loads(program.run("seed", "--if-empty", "--json").stdout)["seeded"] is False


def test_a_scale_that_is_out_of_range_is_refused(program: Program) -> None:
    done = program.run("seed", "--scale", "1000001")
    assert done.returncode == 2
    assert "1000001 is not in the range" in done.stderr
