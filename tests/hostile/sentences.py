"""What people (and others) say to an agent that has to make something of it."""

from __future__ import annotations

TITLE = "{title}"
"Stands for what a task is called."

_PLAIN = """
Add a high priority task to call {title} by Friday
add task {title}; then show my tasks
create a task called '{title}'
show my tasks
complete task 1
mark task 1 as not done
rename task 1 to {title}
set the priority of task 1 to low
delete '{title}'
remind me to {title} at 2:30 on 29 March
delete task 1
complete all tasks
delete all tasks
"""
_LAME = """
add
delete
task 5
and then and then
delete task ''
what is the weather
Fuege {title} hinzu
complete task -1
complete task 0
complete task 2147483647
complete task 2147483648
complete task 99999999999999999999
complete the 999999999999999999th task
delete tasks 1 to 99999999999
show the last 99999999999 tasks
"""
_TIMELESS = """
list all done tasks due before 9999-12-31
show tasks due on 0001-01-01
show tasks due on 9999-12-31
show tasks due after 9999-12-31
show tasks due before 0001-01-01
move task 1 to 0001-01-01
move task 1 to 9999-12-31 at 23:59
update task 1 due 9999-12-31T23:59:59-14:00
due 0000-00-00
add {title} due in 99999999999999 days
add {title} in 9999 years
add {title} in 400000 weeks
add {title} in 99999999999 hours
add {title} 1000000 weeks ago
add {title} by the 31st of February
add {title} tomorrow at 25:61
add {title} on 29 February
add {title} on Jan 1 0001
add {title} by 0001-01-01 at 00:00
add {title} by 9999-12-31 at 23:59
add {title} every ١٢٣ days
add {title} by ２０２６-０１-０１
show tasks due in ½ days
add {title} on day ²
"""
_LONG = ("add " + "x" * 501, "add " + "x" * 9_990, "add " + "a, then add " * 80 + "b", "show my tasks " * 60)

SENTENCES = (*(line for said in (_PLAIN, _LAME, _TIMELESS) for line in said.strip().splitlines()), *_LONG)
