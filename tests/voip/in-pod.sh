# The far end of in_pod (pods.sh), for busybox sh: in-pod.sh DIR SIZE CMD...
# Input: SIZE bytes of tar, then a line or its end when CMD is to be ended. Output: what CMD writes into
# DIR/NAME.log, as lines `NAME TEXT`.
dir=$1 size=$2; shift 2
exec 3<&0
head -c "$size" <&3 | tar -xC / || exit
cd "$dir" || exit
for name in events errors messages; do
  rm -f $name.log
  mkfifo $name.log
  while IFS= read -r line; do printf '%s %s\n' $name "$line"; done <$name.log 3<&- &
done
"$@" </dev/null >&2 3<&- & command=$!
{ read -r _; kill $command; } <&3 >/dev/null 2>&1 & watcher=$!
exec 3<&-
wait $command; status=$?
kill $watcher 2>/dev/null
# A file that was never opened for writing has a reader that still waits for it.
for name in events errors messages; do : <>$name.log; done
wait
exit $status
