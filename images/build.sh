#!/usr/bin/env bash
# build.sh [--programs] [operator] [engine] [media] [world]: builds the images with no container engine, as OCI archives
# target/images/NAME.tar, and writes their names to target/images/images.env. Without arguments all but
# world, which holds carriers and phones for tests (tests/voip).
#
# Each image has two tags: the project's version, and a hash of its content, by which a changed image
# rolls its pods and an unchanged one does not. What hasn't changed is not made again.
# CARGO_PROFILE=dev builds the programs faster and larger. Run by root or with sudo (media only). With --programs only what
# goes into the images is compiled, so that it is there when they are made.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
out=${IMAGES_DIR:-$root/target/images}
profile=${CARGO_PROFILE:-release}
programs_only=''; [ "${1:-}" != --programs ] || { programs_only=1; shift; }
names=("$@"); [ ${#names[@]} -gt 0 ] || names=(operator engine media)
mkdir -p "$out"
"$root/tests/packages.sh" python3 binutils gcc libc6-dev
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

# archive NAME INPUT-FILE ARGS...: writes NAME.tar unless it is made of just that input already
archive() {
  local name=$1 input=$2 hash; shift 2
  hash=$( { sha256sum <"$input"; cat images/image.py; echo "$version ${*//"$input"/}"; } | sha256sum | cut -c1-12)
  if [ "$(cat "$out/$name.hash" 2>/dev/null)" != "$hash" ] || [ ! -e "$out/$name.tar" ]; then
    rm -f "$out/$name.hash"
    python3 images/image.py "$out/$name.tar" "localhost/trunkline/$name:$hash,localhost/trunkline/$name:$version" "$@"
    echo "$hash" >"$out/$name.hash"
    echo "$name: made $(du -h "$out/$name.tar" | cut -f1) localhost/trunkline/$name:$hash" >&2
  else
    echo "$name: unchanged localhost/trunkline/$name:$hash" >&2
  fi
}

# programs NAME...: static executables, for images that hold nothing else, built in one go so that what
# they share is compiled once. Linked with glibc's static archive: the musl target would have to be
# installed first. Names resolve all the same: since glibc 2.34 the resolvers `files` and `dns` are inside it.
programs() {
  local name wanted=() target
  for name; do wanted+=(-p "trunkline-$name" --bin "trunkline-$name"); done
  target=$(rustc -vV | sed -n 's/^host: //p')
  # In a folder of its own, so that neither waits for the other: tests are built and run in the other one.
  local folder=${CARGO_TARGET_DIR:-target}/static
  CARGO_TARGET_DIR=$folder RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" \
    cargo build --profile "$profile" --target "$target" "${wanted[@]}"
  built=$folder/$target/$([ "$profile" = dev ] && echo debug || echo "$profile")
  for name; do
    if readelf -lW "$built/trunkline-$name" | grep -q 'INTERP'; then
      echo "build.sh: $built/trunkline-$name is not static" >&2; exit 1
    fi
  done
}

rust=()
for name in "${names[@]}"; do case $name in operator | engine) rust+=("$name") ;; esac; done
[ ${#rust[@]} = 0 ] || programs "${rust[@]}"
[ -z "$programs_only" ] || exit 0
for name in "${names[@]}"; do
  case $name in
    operator | engine)
      archive "$name" "$built/trunkline-$name" --add "$built/trunkline-$name:/trunkline-$name" --entrypoint "/trunkline-$name" --user 65532:65532
      ;;
    media)
      rootfs=$(images/media/rootfs.sh)/rootfs.tar
      archive media "$rootfs" --base "$rootfs" --user 101:101 --entrypoint /usr/sbin/asterisk \
        --cmd=-f --cmd=-C --cmd=/etc/asterisk/asterisk.conf --port 5060/udp --port 8088/tcp
      ;;
    world)
      images/world/rootfs.sh >"$out/world.rootfs"
      archive world "$out/world.rootfs" --base "$out/world.rootfs" --user 65532:65532 --entrypoint /bin/sleep --cmd=infinity
      rm "$out/world.rootfs"
      ;;
    *) echo "build.sh: no image is called $name; there are operator, engine, media, world" >&2; exit 2 ;;
  esac
done
for name in operator engine media world; do
  [ ! -e "$out/$name.hash" ] || echo "${name^^}_IMAGE=localhost/trunkline/$name:$(cat "$out/$name.hash")"
done >"$out/images.env"
