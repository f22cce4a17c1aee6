# figures.awk - makes tables from what bench/run recorded.
#
#     awk -v part=case -v only=NAME -v title=TEXT -v kind=KIND -f figures.awk targets results
#     awk -v part=targets -f figures.awk targets results
#
# A line of `results` has a case, a tool, and KEY=VALUE... of one run, or failed=REASON, with tabs
# between them. For a key that comes twice (two processes) the sum is taken; for maxrss_kib, bytes,
# rounds and wall_s the largest. Each figure in a table is the median of the runs. Plain POSIX awk.

BEGIN { FS = "\t"; GiB = 1024 * 1024 * 1024 }

# --- reading --------------------------------------------------------------------------------

FILENAME ~ /targets$/ { if ($0 !~ /^(#|$)/) target[++target_count] = $0; next }

{
    if (!(($1, $2) in runs)) {
        tools[$1]++
        tool[$1, tools[$1]] = $2
        runs[$1, $2] = 0
    }
    if ($3 ~ /^failed=/)
        failed[$1, $2] = substr($3, 8)
    else
        read_run($1, $2, $3)
}

function read_run(name, label, text,    pair, pairs, i, at, key, value, of) {
    pairs = split(text, pair, " ")
    for (i = 1; i <= pairs; i++) {
        at = index(pair[i], "=")
        key = substr(pair[i], 1, at - 1)
        value = substr(pair[i], at + 1) + 0
        if (key == "maxrss_kib" || key == "bytes" || key == "rounds" || key == "wall_s")
            of[key] = key in of && of[key] > value ? of[key] : value
        else
            of[key] += value
    }
    runs[name, label]++
    if ("elapsed_s" in of && of["elapsed_s"] > 0)
        add(name, label, "rate", of["bytes"] / GiB / of["elapsed_s"])
    if ("maxrss_kib" in of) {
        add(name, label, "rss", of["maxrss_kib"] / 1024)
        add_for_each(name, label, of, of["bytes"] / GiB, "")
        add_for_each(name, label, of, of["rounds"], "_round")
        add(name, label, "cpu_ms", (of["user_s"] + of["sys_s"]) * 1e3)
    }
    if ("p50_ns" in of) {
        add(name, label, "p50", of["p50_ns"] / 1e3)
        add(name, label, "p99", of["p99_ns"] / 1e3)
        add(name, label, "max", of["max_ns"] / 1e3)
    }
    if ("held_s" in of) {
        add(name, label, "held", of["held_s"] * 1e3)
        add(name, label, "free", of["free_s"] * 1e3)
    }
    if ("limit" in of)
        read_windows(name, label, of, of["limit"] * of["window_s"])
    if ("start_s" in of) {
        add(name, label, "start", of["start_s"] * 1e3)
        add(name, label, "binary", of["binary_bytes"] / 1024)
    }
}

# `due` is the content of a window at the limited rate.
function read_windows(name, label, of, due) {
    add(name, label, "error", (of["average"] / of["limit"] - 1) * 100)
    if ("sd" in of)
        add(name, label, "sd", of["sd"] / due * 100)
    add(name, label, "first", of["first"] / due)
    add(name, label, "highest", of["highest"] / due)
    add(name, label, "first_s", of["first_second"] / of["limit"])
    add(name, label, "core", (of["user_s"] + of["sys_s"]) / of["wall_s"] * 100)
    add(name, label, "waits", of["voluntary"] / of["wall_s"])
}

function add_for_each(name, label, of, units, suffix) {
    if (units == 0)
        return
    add(name, label, "cpu" suffix, (of["user_s"] + of["sys_s"]) / units)
    add(name, label, "voluntary" suffix, of["voluntary"] / units)
    add(name, label, "involuntary" suffix, of["involuntary"] / units)
}

# Kept sorted, so that the median, the least and the most are easy to get.
function add(name, label, figure, value,    i) {
    i = ++count[name, label, figure]
    for (; i > 1 && values[name, label, figure, i - 1] > value; i--)
        values[name, label, figure, i] = values[name, label, figure, i - 1]
    values[name, label, figure, i] = value
}

# --- figures --------------------------------------------------------------------------------

function has(name, label, figure) {
    return figure == "held_free" ? has(name, label, "held") && has(name, label, "free") \
                                 : (name, label, figure) in count && !((name, label) in failed)
}

function median(name, label, figure,    n, low, high) {
    if (figure == "held_free")
        return median(name, label, "held") / median(name, label, "free")
    n = count[name, label, figure]
    low = values[name, label, figure, int((n + 1) / 2)]
    high = values[name, label, figure, int((n + 2) / 2)]
    return (low + high) / 2
}

function is_peer(label) {
    return label !~ /^bpipe/ && label !~ /^no tool/
}

# The tool with the best figure among the peers; "" if there is none.
function best_peer(name, figure,    i, label, best) {
    best = ""
    for (i = 1; i <= tools[name]; i++) {
        label = tool[name, i]
        if (!is_peer(label) || !has(name, label, figure))
            continue
        if (best == "" || (figure == "rate" ? median(name, label, figure) > median(name, best, figure) \
                                            : median(name, label, figure) < median(name, best, figure)))
            best = label
    }
    return best
}

# Shows three significant digits.
function show(value) {
    if (value < 0)
        return "-" show(-value)
    return value == 0 || value >= 100 ? sprintf("%.0f", value) : value >= 10 ? sprintf("%.1f", value) \
        : value >= 1 ? sprintf("%.2f", value) : value >= 0.1 ? sprintf("%.3f", value) \
        : sprintf("%.4f", value)
}

function show_figure(name, label, figure) {
    return has(name, label, figure) ? show(median(name, label, figure)) : "-"
}

function show_range(name, label, figure) {
    if (!has(name, label, figure))
        return "-"
    return show(values[name, label, figure, 1]) " - " \
        show(values[name, label, figure, count[name, label, figure]])
}

function show_ratio(name, label, figure, other) {
    if (other == "" || !has(name, label, figure) || !has(name, other, figure) ||
        median(name, other, figure) == 0)
        return "-"
    return show(median(name, label, figure) / median(name, other, figure))
}

# --- one case -------------------------------------------------------------------------------

# Each is Heading:figure. The figure may be range(..), peer(..) or none(..): the range of the runs,
# and the ratios to the best peer and to no tool at all.
function columns(kind) {
    if (kind == "latency")
        return "p50 us:p50,p99 us:p99,max us:max,CPU us/round:cpu_us_round,peak RSS MiB:rss," \
            "voluntary/round:voluntary_round,involuntary/round:involuntary_round," \
            "p50 x best peer:peer(p50),p99 x best peer:peer(p99)"
    if (kind == "burst")
        return "held up ms:held,min - max:range(held),never stalled ms:free,held/never:held_free," \
            "CPU s/GiB:cpu,peak RSS MiB:rss,voluntary/GiB:voluntary,involuntary/GiB:involuntary," \
            "x best peer:peer(held),x no tool:none(held)"
    if (kind == "rate")
        return "average error %:error,sd of 50 ms %:sd,highest of 50 ms x:highest," \
            "first 50 ms x:first,CPU %:core,peak RSS MiB:rss,voluntary/s:waits"
    if (kind == "idle")
        return "highest of 50 ms x:highest,first second x:first_s,CPU %:core,peak RSS MiB:rss"
    if (kind == "start")
        return "ms:start,min - max:range(start),CPU ms:cpu_ms,peak RSS MiB:rss,binary KiB:binary," \
            "x best peer:peer(start)"
    return "GiB/s:rate,min - max:range(rate),CPU s/GiB:cpu,peak RSS MiB:rss," \
        "voluntary/GiB:voluntary,involuntary/GiB:involuntary,x best peer:peer(rate)," \
        "x no tool:none(rate)"
}

function cell(name, label, figure,    inner) {
    if (figure == "cpu_us_round")
        return has(name, label, "cpu_round") ? show(median(name, label, "cpu_round") * 1e6) : "-"
    if (figure !~ /\(/)
        return show_figure(name, label, figure)
    inner = figure
    sub(/^[a-z]*\(/, "", inner)
    sub(/\)$/, "", inner)
    if (figure ~ /^range/)
        return show_range(name, label, inner)
    return show_ratio(name, label, inner, figure ~ /^peer/ ? best_peer(name, inner) : "no tool")
}

# Prints grid[row, column], rows from 0 (the headings), aligned to the right. The columns in `left`,
# such as " 1 2 ", are aligned to the left.
function print_grid(grid, row_count, column_count, left,    row, column, width, line, rule, side) {
    for (column = 1; column <= column_count; column++)
        for (row = 0; row < row_count; row++)
            if (length(grid[row, column]) > width[column])
                width[column] = length(grid[row, column])
    for (row = 0; row < row_count; row++) {
        line = rule = "|"
        for (column = 1; column <= column_count; column++) {
            side = index(left, " " column " ") ? "-" : ""
            line = line sprintf(" %" side width[column] "s |", grid[row, column])
            rule = rule dashes(width[column] + 1) (side == "-" ? "-|" : ":|")
        }
        print line
        if (row == 0)
            print rule
    }
}

function dashes(count,    text) {
    text = sprintf("%" count "s", "")
    gsub(/ /, "-", text)
    return text
}

function print_case(name,    list, column_count, column, row, i, label, part_of, grid) {
    column_count = split(columns(kind), list, ",")
    grid[0, 1] = "tool"
    for (column = 1; column <= column_count; column++) {
        split(list[column], part_of, ":")
        grid[0, column + 1] = part_of[1]
        list[column] = part_of[2]
    }
    row = 1
    for (i = 1; i <= tools[name]; i++) {
        label = tool[name, i]
        if ((name, label) in failed)
            continue
        grid[row, 1] = label
        for (column = 1; column <= column_count; column++)
            grid[row, column + 1] = cell(name, label, list[column])
        row++
    }
    printf "\n## %s: %s\n\n", name, title
    print_grid(grid, row, column_count + 1, " 1 ")
    for (i = 1; i <= tools[name]; i++)
        if ((name, tool[name, i]) in failed)
            printf "\n%s did not get through: %s\n", tool[name, i], failed[name, tool[name, i]]
}

# --- targets --------------------------------------------------------------------------------

# A limit is like "<= 3" or "<= 3 MiB"; "+- 3" is for a figure that may be too high or too low.
function met(value, limit,    part_of) {
    split(limit, part_of, " ")
    if (part_of[1] == "+-")
        return value <= part_of[2] && -value <= part_of[2]
    if (part_of[1] == ">=")
        return value >= part_of[2]
    return part_of[1] == "<" ? value < part_of[2] : value <= part_of[2]
}

function print_targets(    i, field, name, figure, of, against, value, grid, row) {
    split("case|figure|of|against|target|measured|met|note", field, "|")
    for (i = 1; i <= 8; i++)
        grid[0, i] = field[i]
    row = 1
    for (i = 1; i <= target_count; i++) {
        split(target[i], field, / *\| */)
        name = field[1]; figure = field[2]; of = field[3]; against = field[4]
        if (against == "best")
            against = best_peer(name, figure)
        if (!tools[name])
            continue
        value = "-"
        if (has(name, of, figure) && against == "-")
            value = median(name, of, figure)
        else if (has(name, of, figure) && has(name, against, figure) && median(name, against, figure))
            value = median(name, of, figure) / median(name, against, figure)
        grid[row, 1] = name; grid[row, 2] = figure; grid[row, 3] = of; grid[row, 4] = against
        grid[row, 5] = field[5]; grid[row, 6] = value == "-" ? value : show(value)
        grid[row, 7] = value == "-" ? value : met(value, field[5]) ? "yes" : "NO"
        grid[row, 8] = field[6]
        row++
    }
    if (row == 1)
        return
    printf "\n## Targets (bench/targets)\n\n"
    print_grid(grid, row, 8, " 1 2 3 4 5 8 ")
}

END {
    if (part == "case")
        print_case(only)
    else
        print_targets()
}
