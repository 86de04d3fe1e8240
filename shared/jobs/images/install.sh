# Runs inside the image that is being built: adds a conda file's packages to it.
# /opt/retrain holds environment.yml (for conda) and, without conda, what it was translated to:
# requirements.txt, python.txt (version specifiers) and refusals.txt (what can't be translated).
# certificates.pem is empty on machines that trust no other certificates than everybody does.
set -eu
cd /opt/retrain
if [ -s certificates.pem ]; then # the building machine's own, for as long as the build takes
    export SSL_CERT_FILE="$PWD/certificates.pem"
    export PIP_CERT="$SSL_CERT_FILE" REQUESTS_CA_BUNDLE="$SSL_CERT_FILE"
fi

for tool in mamba conda micromamba; do
    if command -v "$tool" >/dev/null; then
        echo "Found $tool: making the conda environment /opt/retrain/environment."
        case "$tool" in
            micromamba) exec micromamba create -y -q -p /opt/retrain/environment -f environment.yml ;;
            *) exec "$tool" env create -q -p /opt/retrain/environment -f environment.yml ;;
        esac
    fi
done

if [ -s refusals.txt ]; then
    echo "error: This image has no conda, and:" >&2
    sed 's/^/error: /' refusals.txt >&2
    exit 1
fi

python=$(command -v python || command -v python3 || true)
if [ -z "$python" ] || ! "$python" -m pip --version; then
    echo "error: This image has neither conda nor a Python with pip. Name one that has, like python:3.11-slim." >&2
    exit 1
fi

"$python" - <<'PYTHON'
import pathlib, platform, sys
from pip._vendor.packaging.specifiers import SpecifierSet

wanted = pathlib.Path("python.txt").read_text().strip()
if platform.python_version() not in SpecifierSet(wanted):
    sys.exit(
        "error: The conda file asks for python%s, and this image has Python %s without conda. "
        "Change one of the two." % (wanted, platform.python_version())
    )
PYTHON

# The image's Python is the environment: nothing else of its distribution is to be protected in it.
PIP_BREAK_SYSTEM_PACKAGES=1 exec "$python" -m pip install --no-cache-dir --disable-pip-version-check \
    --root-user-action=ignore --progress-bar off -r requirements.txt
