# Sourced by deploy/quickstart and tests/run: installs groups of deploy/packages.txt.
# Needs: root, or sudo for the user.

# install_packages ROOT GROUP...: does nothing when all of them are there.
install_packages() {
  local root=$1 missing=() group package as_root=()
  shift
  for group in "$@"; do
    while read -r package; do
      dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing+=("$package")
    done < <(awk -v g="$group" '$1 == g { print $2 }' "$root/deploy/packages.txt")
  done
  ((${#missing[@]} == 0)) && return 0
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null || {
      echo "error: these packages are missing, and there is no sudo to install them: ${missing[*]}" >&2
      return 1
    }
    as_root=(sudo)
  fi
  echo "Installing ${#missing[@]} packages: ${missing[*]}" >&2
  # RUNLEVEL=1 keeps the packages' own database services from being started: ours are private ones.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
      apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}
