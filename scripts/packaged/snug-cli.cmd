@echo off
rem The command line of the packaged application on Windows: the same verbs, run by the application's own Node.
setlocal
set ELECTRON_RUN_AS_NODE=1
"%~dp0Snug.exe" "%~dp0resources\app.asar.unpacked\dist\main\cli.js" %*
