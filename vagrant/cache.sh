# Sourced by the scripts beside it. What takes long to build is kept in a cache directory, under a name with a hash of what it is made of.
cache=${ENID_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/enid}

# cached NAME KEY BUILD… – prints the path of NAME for this KEY; where it is missing, `BUILD… PATH` makes it, and may use names
# that begin with that path and a dot. One builds, others wait for it.
# What nobody has built or asked for in a week goes.
cached() {
  local path="$cache/$2-$1"
  mkdir -p "$cache"
  (
    exec 9>"$cache/$1.lock"
    flock 9
    if [ ! -e "$path" ]; then
      rm -rf "$path".*
      "${@:3}" "$path.new" >&2 9>&- || { rm -rf "$path".*; exit 1; }
      mv "$path.new" "$path"
      rm -rf "$path".*
    fi
    touch "$path"
    find "$cache" -maxdepth 1 -name "*-$1" -mtime +7 -exec rm -rf {} +
  ) || return
  echo "$path"
}

# hash_of FILE… – of the contents of files and of everything in directories.
hash_of() { find "$@" -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-16; }
