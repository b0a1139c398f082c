#!/bin/sh
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Stands in the place of tc, ip, ethtool and others in the sandbox of a script, by their names. It makes the interfaces
# that a command names, runs the real program where that has nothing to harm, and writes down the command, the line of
# the script, the exit status and what the program said.
set -f

name=${0##*/}
real=/netopt/real/$name
sys=/sys/class/net

# Makes the folder of each interface, as plain files: whatever a script writes there is found afterwards.
refresh() {
    while IFS=: read -r iface counters; do
        iface=${iface##* }
        if [ -z "$counters" ] || [ -d "$sys/$iface" ]; then
            continue
        fi
        case $iface in netopt.*) continue ;; esac
        queues=
        number=0
        while [ "$number" -lt "$NETOPT_QUEUES" ]; do
            queues="$queues $sys/$iface/queues/rx-$number $sys/$iface/queues/tx-$number"
            number=$((number + 1))
        done
        # shellcheck disable=SC2086 # a word for each folder
        mkdir -p $queues
        number=0
        while [ "$number" -lt "$NETOPT_QUEUES" ]; do
            echo 0 >"$sys/$iface/queues/rx-$number/rps_cpus"
            echo 0 >"$sys/$iface/queues/rx-$number/rps_flow_cnt"
            echo 0 >"$sys/$iface/queues/tx-$number/xps_cpus"
            number=$((number + 1))
        done
        echo 1500 >"$sys/$iface/mtu"
        echo 1000 >"$sys/$iface/tx_queue_len"
        echo up >"$sys/$iface/operstate"
        echo 1 >"$sys/$iface/carrier"
        echo 1000 >"$sys/$iface/speed"
    done </proc/net/dev
}

# Takes away the folders of interfaces that are gone, so that they can be made again.
forget() (
    set +f
    for folder in "$sys"/*; do
        if [ ! -d "/proc/sys/net/ipv4/conf/${folder##*/}" ]; then
            rm -rf "$folder"
        fi
    done
)

peers=0

# Makes an interface, unless there is one: of veth, since loading ifb or dummy would make devices outside as well.
make() {
    case $1 in '' | lo | -* | */*) return 1 ;; esac
    if [ -d "$sys/$1" ]; then
        return 1
    fi
    peers=$((peers + 1))
    peer=netopt.$$.$peers
    case $1 in ifb*) length=32 ;; *) length=1000 ;; esac
    /netopt/real/ip -batch - <<END || return 1
link add name $1 numtxqueues $NETOPT_QUEUES txqueuelen $length type veth peer name $peer
link set dev $peer up
link set dev $1 up
END
    refresh
}

# Makes the interfaces behind the words dev; behind set and show for ip.
make_named() {
    before=
    for word in "$@"; do
        case $before in
        dev) make "$word" ;;
        set | show)
            case $name:$word in
            ip:dev | ip:type | ip:up | ip:master | ip:group | ip:vrf | ip:table | ip:default | tc:*) ;;
            *) make "$word" ;;
            esac
            ;;
        esac
        before=$word
    done
}

# What a batch reads from a file or from its standard input, empty for other commands.
batch() {
    before=
    for word in "$@"; do
        case $before in
        -b | -batch | --batch)
            if [ "$word" = - ]; then cat; else cat -- "$word"; fi
            return
            ;;
        esac
        before=$word
    done
    case $before in -b | -batch | --batch) cat ;; esac
}

# Prints a command with prio in the place of an ets whose bands are all strict, which does the same: few kernels have ets.
# Prio has two bands at least, of which nothing leads to the second one then.
as_prio() {
    part='' words='' bands='' strict=0 priomap=''
    for word in "$@"; do
        case $part:$word in
        :ets) part=ets ;;
        :*) words="$words $word" ;;
        *:bands | *:strict | *:priomap) part=$word ;;
        *:*[!0-9]*) return 1 ;; # quanta, or what only tc knows
        bands:*) bands=$word part=ets ;;
        strict:*) strict=$word part=ets ;;
        priomap:*) priomap="$priomap $word" ;;
        *) return 1 ;;
        esac
    done
    if [ -z "$part" ] || [ "$strict" -lt 1 ] || [ "${bands:-$strict}" -ne "$strict" ]; then
        return 1
    fi
    # shellcheck disable=SC2086 # a word for each priority
    set -- $priomap
    while [ $# -lt 16 ]; do
        set -- "$@" $((strict - 1))
    done
    printf '%s\n' "$words prio bands $((strict > 1 ? strict : 2)) priomap $*"
}

# Prints the lines of a batch, each as it is run.
as_run() {
    while read -r line; do
        # shellcheck disable=SC2086 # a word for each word of the line
        as_prio $line || printf '%s\n' "$line"
    done
}

input=
said=
status=0
record() {
    printf '%s\0' "${NETOPT_LINE-}" "$name" "$status" "$said" "$input" "$#" "$@" >>/netopt/log
}

run() {
    exec 3>&1
    if [ -n "$input" ]; then
        said=$(printf '%s\n' "$input" | as_run | "$real" -force -batch - 2>&1 1>&3 3>&-)
    else
        # shellcheck disable=SC2046 # a word for each word of the command
        case "$name $*" in 'tc '*' ets '*) set -- $(as_prio "$@" || printf '%s ' "$@") ;; esac
        said=$("$real" "$@" 2>&1 1>&3 3>&-)
    fi
    status=$?
    exec 3>&-
    if [ -n "$said" ]; then
        printf '%s\n' "$said" >&2
    fi
}

case $name in
netopt-start)
    refresh
    for iface in $NETOPT_IFACES; do
        make "$iface"
    done
    first=${NETOPT_IFACES%% *}
    /netopt/real/ip link set dev lo up
    /netopt/real/ip address add 192.0.2.2/24 dev "$first"
    /netopt/real/ip route add default via 192.0.2.1 dev "$first"
    first=
    read -r first <"$1"
    case $first in
    '#!'*sh | '#!'*sh' '* | '#!'*/tc*) exec bash "$@" ;;
    '#!'*)
        # shellcheck disable=SC2086 # the interpreter and its words
        exec ${first#??} "$@"
        ;;
    esac
    exec bash "$@"
    ;;
sudo)
    while [ $# -gt 0 ]; do
        case $1 in
        -u | -g) shift 2 ;;
        -* | *=*) shift ;;
        *) exec "$@" ;;
        esac
    done
    ;;
tc | ip)
    case $name" $* " in
    ip*' netns '*) # other namespaces are not for a plan, and cannot be made in here
        record "$@"
        exit 0
        ;;
    esac
    input=$(batch "$@")
    if [ -n "$input" ]; then
        # shellcheck disable=SC2046 # a word for each word of the batch
        make_named $(printf '%s' "$input")
    else
        case " $* " in
        *' link add '*' type ifb '* | *' link add '*' type dummy '*)
            before=
            for word in "$@"; do
                case $before:$word in
                name:* | dev:* | add:[!nd]* | add:n[!a]* | add:d[!e]*) break ;;
                esac
                before=$word
            done
            if ! make "$word"; then
                said='RTNETLINK answers: File exists'
                status=2
                printf '%s\n' "$said" >&2
            fi
            record "$@"
            exit "$status"
            ;;
        *' link add '* | *' link del'*) ;;
        *) make_named "$@" ;;
        esac
    fi
    run "$@"
    case "$name $*" in
    'ip '*' del'*) forget ;;
    'ip '*) refresh ;;
    esac
    record "$@"
    case " $* " in
    *' route '*) exit 0 ;; # the routes that a script knows are those of its host
    esac
    exit "$status"
    ;;
sleep)
    exec "$real" 0.1 # nothing comes to pass in here
    ;;
ethtool)
    case ${1-} in -*) make "${2-}" ;; esac
    record "$@"
    case ${1-} in # what the devices of a host can is for that host to find out
    -g | --show-ring)
        printf 'Ring parameters for %s:\nPre-set maximums:\nRX:\t\tmax\nTX:\t\tmax\n' "${2-}"
        printf 'Current hardware settings:\nRX:\t\t256\nTX:\t\t256\n'
        ;;
    -l | --show-channels)
        printf 'Channel parameters for %s:\nPre-set maximums:\nCombined:\tmax\n' "${2-}"
        printf 'Current hardware settings:\nCombined:\t1\n'
        ;;
    esac
    ;;
sysctl)
    for word in "$@"; do
        case $word in
        *=* | -w | --write | -p* | --load* | --system)
            record "$@"
            exit 0
            ;;
        esac
    done
    exec "$real" "$@"
    ;;
*)
    record "$@"
    ;;
esac
