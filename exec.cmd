@rem The scripts "snug" and "demo" start with exec: without it npm's shell stands between npm and the program and keeps signals to itself. cmd.exe has no exec; this is one.
@%*
