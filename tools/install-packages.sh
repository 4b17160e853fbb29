#!/bin/sh
# Installs Debian packages for thaw: tools/install-packages.sh [-y] [build] [test] [demo]
# (without a name: build and test). Installs nothing that is there; asks first unless -y.
set -eu

build="autoconf autoconf-archive automake libtool pkg-config gcc g++ libc6-dev make libyaml-dev
  libopenblas-openmp-dev libhdf5-dev check zlib1g-dev libcsv-dev libjson-c-dev libunistring-dev
  libxxhash-dev libgsl-dev libcairo2-dev libsentencepiece-dev"
test_packages="python3 python3-h5py valgrind clang-format xz-utils git
  slurmctld slurmd slurm-client munge chromium cmake meson"
demo="wordnet-base"

yes=no
groups=
for word in "$@"; do
  case $word in
    -y) yes=yes ;;
    build | test | demo) groups="$groups $word" ;;
    *) echo "install-packages.sh: unknown argument '$word'; usage: $0 [-y] [build] [test] [demo]" >&2
       exit 2 ;;
  esac
done

wanted=
for group in ${groups:-build test}; do
  case $group in
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test_packages" ;;
    demo) wanted="$wanted $demo" ;;
  esac
done

missing=
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
  echo "packages: everything that is needed is installed"
  exit 0
fi

echo "packages: to be installed from Debian:$missing"
if [ $yes = no ]; then
  printf 'Install them now? [y/N] '
  read -r answer || answer=n
  case $answer in y | Y | yes) ;; *) echo "Nothing was installed."; exit 1 ;; esac
fi
as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "install-packages.sh: needs root or sudo" >&2; exit 1; }
  as_root="sudo"
fi
log=$(mktemp)
# Daemons among the packages (the tests start their own) are not to be started: a policy says so
# while they are installed, unless the machine has one already.
install() {
  $as_root apt-get update -q &&
    $as_root sh -c '
      policy=/usr/sbin/policy-rc.d
      if [ ! -e $policy ]; then
        trap "rm -f $policy" EXIT
        printf "#!/bin/sh\nexit 101\n" >$policy && chmod +x $policy
      fi
      DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"' sh $missing
}
# apt's hundreds of lines matter only when it fails.
if ! install >"$log" 2>&1; then
  cat "$log" >&2
  rm -f "$log"
  echo "install-packages.sh: apt-get failed" >&2
  exit 1
fi
rm -f "$log"
echo "packages: installed"
