"""What workers are woken for, wherever it was committed."""

QUEUE_TOPIC = "queue"
"A run is ready to be claimed."
CANCEL_TOPIC = "cancel"
"A run that a worker holds is asked to stop."
DUE_TOPIC = "due"
"Something is to be done by the clock, at a time that was not known before."
