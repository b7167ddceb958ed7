"""What happens when things break: processes killed, connections cut, Postgres away; all of them real."""
