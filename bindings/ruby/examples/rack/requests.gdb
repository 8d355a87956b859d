# SPDX-License-Identifier: MIT
#
# Watch the shop without privilege: gdb may do so with a program that it starts itself.
#     gdb -nx -q -batch -x requests.gdb --args ruby -S puma config.ru
set pagination off
set breakpoint pending off
set print thread-events off

# Ruby's own, and what ends puma.
handle SIGVTALRM nostop noprint pass
handle SIGTERM nostop noprint pass
handle SIGINT nostop noprint pass

# Ruby stops where librst has loaded the probes' image, from a memfd or a file.
catch load /fd/\|/librst-[0-9]*/rack[.]
commands
silent
end
run
info probes stap rack
delete

break -probe-stap rack:request_finish
commands
silent
printf "%-6s %-12s %6d %12d\n", (char *)$_probe_arg0, (char *)$_probe_arg1, $_probe_arg2, $_probe_arg3
continue
end
continue
