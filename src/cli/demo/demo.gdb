# SPDX-License-Identifier: MIT
#
# Watch rst-demo without privilege, which gdb can if it starts the program itself.
#     gdb -nx -q -batch -x src/cli/demo/demo.gdb --args rst-demo --lines 10 README.md
set pagination off
set breakpoint pending off

# Stop rst-demo when its image is loaded, from a memfd or a file.
catch load /fd/\|/librst-[0-9]*/demo[.]
commands
silent
end
run
echo \n
info probes stap demo
echo \n
delete

break -probe-stap demo:line
commands
silent
printf "%6d %6d  %s\n", $_probe_arg0, $_probe_arg2, (char *)$_probe_arg1
continue
end
continue
