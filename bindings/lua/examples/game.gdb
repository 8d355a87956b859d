# SPDX-License-Identifier: MIT
#
# Watch the game without privilege, which gdb can if it starts the program itself.
#     gdb -nx -q -batch -x game.gdb --args lua5.4 game.lua 40
set pagination off
set breakpoint pending off

# Lua stops where librst has loaded the probes' image, from a memfd or a file. (It starts `sleep`.)
set print inferior-events off
catch load /fd/\|/librst-[0-9]*/game[.]
commands
silent
end
run
info probes stap game
delete

break -probe-stap game:frame
commands
silent
printf "%6d %8d %14d\n", $_probe_arg0, $_probe_arg1, $_probe_arg2
continue
end
break -probe-stap game:scene
commands
silent
printf "the scene is %s\n", (char *)$_probe_arg0
continue
end
continue
