#!/bin/sh
# PostgreSQL's restore_command: brings one file of the log from the first folder that has it.
# A shell script, because the account that PostgreSQL runs as may not be able to reach our Python.
# Arguments: a file in which to note what was brought, the name, where to put it, how long a segment is, the folders
# to look in.
notes=$1 name=$2 place=$3 size=$4
shift 4
bring() {
    for folder; do
        [ -f "$folder/$name" ] && { cp "$folder/$name" "$place"; return; }
        [ -f "$folder/$name.gz" ] && { gzip -dc "$folder/$name.gz" > "$place"; return; }
    done
    # One that was still being received: only when there is no whole one. A receiver gives a file its full size before
    # it writes anything into it, so in one that is shorter there is nothing yet.
    for folder; do
        partial=$folder/$name.partial
        [ -f "$partial" ] && [ "$(wc -c < "$partial")" -eq "$size" ] && { cp "$partial" "$place"; return; }
    done
    return 1
}
# PostgreSQL takes 1 to 125 for "there is none", and looks whether it needs it.
bring "$@" || exit 1
echo "$name" >> "$notes"
