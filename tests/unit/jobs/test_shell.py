"""Values reach programs as they are, from every place of a command; shown by real shells."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.jobs.bindings import Binding
from shared.jobs.shell import quote_bindings
from shared.jobs.unsafe import UnsafePlace

SHELLS = [shell for shell in ("/bin/sh", "/bin/bash", "/usr/bin/dash") if shutil.which(shell)]
HOSTILE = {
    "plain": "plain",
    "nothing": "",
    "spaces": " two  words ",
    "substitution": "$(touch canary)`touch canary`",
    "single quotes": "'; touch canary; '",
    "double quotes": '"; touch canary; "',
    "a variable": "$HOME ${HOME} $((1+1))",
    "a glob": "* ? [a-z]",
    "backslashes": "\\ \\\\ \\n \\",
    "lines": "one\ntwo\nEOF\nthree",
    "a comment": "# not a comment",
    "a binding": "${{inputs.x}} $[[x]]",
    "an option": "-n --version",
    "a tilde": "~/x=~",
    "not ASCII": "Weiß 漢字 🍷",
    "control characters": "\t\r\x01\x7f",
}
Expected = Callable[[str], str]
SHOW = "printf '%s\\0' "

#: Name: what is written, and what it prints for a value.
PLACES: dict[str, tuple[str, Expected]] = {
    "bare": (SHOW + "${{inputs.x}}", lambda v: f"{v}\0"),
    "bare, with spaces in the binding": (SHOW + "${{ inputs.x }}", lambda v: f"{v}\0"),
    "inside a word": (SHOW + "a${{inputs.x}}b", lambda v: f"a{v}b\0"),
    "twice in a word": (SHOW + "${{inputs.x}}${{inputs.x}}", lambda v: f"{v}{v}\0"),
    "double quotes": (SHOW + '"a ${{inputs.x}} b"', lambda v: f"a {v} b\0"),
    "an apostrophe in double quotes": (SHOW + '"it\'s ${{inputs.x}}"', lambda v: f"it's {v}\0"),
    "single quotes": (SHOW + "'a $HOME \"${{inputs.x}}\" b'", lambda v: f'a $HOME "{v}" b\0'),
    "a backslash in single quotes": (SHOW + "'\\'${{inputs.x}}", lambda v: f"\\{v}\0"),
    "between quotes": (SHOW + "'\"'${{inputs.x}}\"'\"", lambda v: f"\"{v}'\0"),
    "escaped quotes": (SHOW + '\\"${{inputs.x}}\\"', lambda v: f'"{v}"\0'),
    "escaped quotes in quotes": (SHOW + '"\\"${{inputs.x}}\\""', lambda v: f'"{v}"\0'),
    "after a dollar": (SHOW + "$${{inputs.x}}", lambda v: f"${v}\0"),
    "after a dollar in quotes": (SHOW + '"$${{inputs.x}}"', lambda v: f"${v}\0"),
    "an assignment": ("y=${{inputs.x}}; " + SHOW + '"$y"', lambda v: f"{v}\0"),
    "a substitution": (f"{SHOW}\"$({SHOW}${{{{inputs.x}}}} | tr -d '\\0')\"", lambda v: tail(v)),
    "quotes in a substitution": (
        SHOW + '"a $(printf %s "${{inputs.x}}" \'it\') b"',
        lambda v: f"a {v}it b\0",
    ),
    "a quote after a substitution": (
        SHOW + '"$(echo ")")" \'${{inputs.x}}\'',
        lambda v: f")\0{v}\0",
    ),
    "brackets": ("(" + SHOW + "${{inputs.x}})", lambda v: f"{v}\0"),
    "a comment": (": # it's \"${{inputs.x}}\n" + SHOW + "${{inputs.x}}", lambda v: f"{v}\0"),
    "no comment inside a word": (SHOW + "a#'${{inputs.x}}'", lambda v: f"a#{v}\0"),
    "no comment after a continued line": (
        SHOW + "a\\\n#'${{inputs.x}}'",
        lambda v: f"a#{v}\0",
    ),
    "parameters before": (
        ': "$#" ${#} ${HOME#/} "${HOME:-"$HOME"}x"\n'.replace('"$HOME"', "$HOME")
        + SHOW
        + "'${{inputs.x}}'",
        lambda v: f"{v}\0",
    ),
    "a nested parameter before": (
        ': ${NO:-${NO:-"it\'s"}} ' + "\n" + SHOW + '"${{inputs.x}}"',
        lambda v: f"{v}\0",
    ),
    "arithmetic before": (": $((1 << 2))\n" + SHOW + "'${{inputs.x}}'", lambda v: f"{v}\0"),
    "backticks before": (": `echo it` \n" + SHOW + "'${{inputs.x}}'", lambda v: f"{v}\0"),
    "a case": (
        "case a in (b) ;; a) " + SHOW + "'${{inputs.x}}';; esac",
        lambda v: f"{v}\0",
    ),
    "a here-document": (
        "cat <<EOF\n'a' \"${{inputs.x}}\" \\$HOME\nEOF\n",
        lambda v: f"'a' \"{v}\" $HOME\n",
    ),
    "a here-document with tabs": (
        "cat <<-'E O'\n\tit's\n\tE O\n" + SHOW + "${{inputs.x}}",
        lambda v: f"it's\n{v}\0",
    ),
    "two here-documents": (
        "cat <<A; cat <<B\n\"\nA\n'${{inputs.x}}\nB\n" + SHOW + '"${{inputs.x}}"',
        lambda v: f"\"\n'{v}\n{v}\0",
    ),
    "a substitution in a here-document": (
        "cat <<EOF\n$(printf %s. ${{inputs.x}} '\"')\nEOF\n",
        lambda v: f'{v}.".\n',
    ),
    "a here-document in a substitution": (
        SHOW + '"$(cat <<EOF\n\'${{inputs.x}}.\nEOF\n)"',
        lambda v: f"'{v}.\0",
    ),
    "a continued line in a here-document": (
        "cat <<EOF\na\\\nEOF\n${{inputs.x}}\nEOF\n",
        lambda v: f"aEOF\n{v}\n",
    ),
    "several lines": (
        "set -e\nif true; then\n  " + SHOW + "\\\n  ${{inputs.x}}\nfi",
        lambda v: f"{v}\0",
    ),
    "a redirection": (": > ${{inputs.o}}.txt && " + SHOW + "o.txt", lambda _: "o.txt\0"),
}


def tail(value: str) -> str:
    """A command substitution drops the newlines at the end."""
    return value.rstrip("\n") + "\0"


def variable(binding: Binding) -> str:
    return f"AZURE_ML_INPUT_{binding.input}"


def printed(shell: str, script: str, value: str, folder: Path) -> str:
    done = subprocess.run(
        [shell, "-c", 'eval "$RETRAIN_SCRIPT"'],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": "/home",
            "LC_ALL": "C.UTF-8",
            "RETRAIN_SCRIPT": script,
            "AZURE_ML_INPUT_x": value,
            "AZURE_ML_INPUT_o": "o",
        },
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    return done.stdout.decode()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("template", "expected"), PLACES.values(), ids=PLACES)
def test_a_value_is_data_in_every_place(
    template: str, expected: Expected, shell: str, tmp_path: Path
) -> None:
    script = quote_bindings(template, variable)
    for value in HOSTILE.values():
        assert printed(shell, script, value, tmp_path) == expected(value)
    assert not (tmp_path / "canary").exists()


values = st.text(
    st.one_of(
        st.sampled_from("'\"\\$`(){}[]#;&|<>*?~!=- \n\tEOFx"),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*PLACES]), min_size=1, max_size=5), values)
def test_places_do_not_disturb_each_other(names: list[str], value: str) -> None:
    template = "\n".join(PLACES[name][0] for name in names)
    expected = "".join(PLACES[name][1](value) for name in names)
    with TemporaryDirectory() as folder:
        script = quote_bindings(template, variable)
        assert printed("/bin/sh", script, value, Path(folder)) == expected


SOUP = (
    *("${{inputs.x}}", "'", '"', "`", "$", "$(", ")", "(", "${", "}", "$((", "))", "\\", "\n", "#"),
    *(" ", ";", "<<EOF\n", "\nEOF\n", "<<'EOF'\n", "<<-EOF", "case ", " in", "esac", "|", "$'"),
    *("echo ", "a", "${HOME:-", "[[", "]]", "=", "!", "{ ", "$$", "<<<", "-"),
)


def attempt(script: str, value: str, folder: str) -> bytes:
    """What the script prints, be it right or wrong."""
    return subprocess.run(
        ["/bin/sh", "-c", 'eval "$RETRAIN_SCRIPT"'],
        env={"PATH": "/usr/bin:/bin", "RETRAIN_SCRIPT": script, "AZURE_ML_INPUT_x": value},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    ).stdout


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(SOUP), max_size=10).map("".join))
def test_no_script_makes_a_value_code(soup: str) -> None:
    template = f"echo ${{{{inputs.x}}}}\n{soup}\necho ${{{{inputs.x}}}}"
    try:
        script = quote_bindings(template, variable)
    except UnsafePlace:
        return
    with TemporaryDirectory() as folder:
        attempt(script, "';touch canary;\"$(touch canary)`touch canary`\ntouch canary", folder)
        assert not (Path(folder) / "canary").exists()
        # A harmless word may as well be written into the script (`$$` is new in each shell).
        if "$$" not in template:
            written = template.replace("${{inputs.x}}", "-w")
            assert attempt(script, "-w", folder) == attempt(written, "", folder)


REFUSED = {
    "arithmetic": ("echo $(( ${{inputs.x}} + 1 ))", "evaluated"),
    "a command in arithmetic": ("echo $(( $(echo ${{inputs.x}}) ))", "evaluated"),
    "an arithmetic command": ("(( ${{inputs.x}} > 1 ))", "evaluated"),
    "a parameter": ('echo "${Y:-${{inputs.x}}}"', "evaluated"),
    "backticks": ("echo `echo ${{inputs.x}}`", "stands in backticks"),
    "a quoted here-document": ("cat <<'EOF'\n${{inputs.x}}\nEOF\n", "never expanded"),
    "a delimiter": ("cat <<${{inputs.x}}\n", "delimiter"),
    "a backslash": ("echo \\${{inputs.x}}", "a backslash stands before"),
    "a backslash in quotes": ('echo "\\${{inputs.x}}"', "a backslash stands before"),
    "an open double quote": ('echo "${{inputs.x}}', "double quote"),
    "an open single quote": ("echo '${{inputs.x}}", "single quote"),
    "an open backtick": ("echo ${{inputs.x}} `a", "backtick"),
    "an open bracket": ("(echo ${{inputs.x}}", "bracket"),
    "an open here-document": ("cat <<EOF\n${{inputs.x}}\n", "<<EOF` is never closed"),
    "a here-document without lines": ("echo ${{inputs.x}} <<EOF", "<<EOF` is never closed"),
    "ANSI quotes": ("echo $'a' ${{inputs.x}}", "disagree on what `$'`"),
    "old arithmetic": ("echo $[1] ${{inputs.x}}", "disagree on what `$[`"),
    "quotes in a quoted parameter": ('echo "${Y:-it\'s}" ${{inputs.x}}', "disagree on quotes"),
    "a case in brackets": ("(case a in a) echo ${{inputs.x}};; esac)", "`case` inside brackets"),
    "a bracket before its here-document": ("(cat <<E)\nE\necho ${{inputs.x}}", "bracket closes"),
}


@pytest.mark.parametrize(("script", "said"), REFUSED.values(), ids=REFUSED)
def test_a_place_that_can_not_be_right_is_refused(script: str, said: str) -> None:
    with pytest.raises(UnsafePlace) as refused:
        quote_bindings(script, variable)
    assert said in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize("script", ["echo 'never closed", "x=$[1]", "cat <<EOF", ""])
def test_a_script_without_bindings_is_nobodys_business(script: str) -> None:
    assert quote_bindings(script, variable) == script
