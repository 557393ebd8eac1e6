@rem The scripts "snug" and "demo" start with exec: without it the shell that npm starts keeps signals from the program. cmd.exe has no exec; this is one.
@%*
