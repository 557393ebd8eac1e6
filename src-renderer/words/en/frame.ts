// The frame around every screen: the rail, the palette, the status bar, the engine's end.
export const frame = {
  areas: { fit: 'Fit', runs: 'Runs', history: 'History', models: 'Models', studies: 'Studies', settings: 'Settings' },
  areasLabel: 'Areas',
  runGoesOn: 'a run is going on',
  goTo: (area: string) => `Go to ${area}`,
  back: 'Go back',
  close: 'Close',
  palette: {
    title: 'Commands',
    open: 'All commands',
    placeholder: 'What do you want to do?',
    nothing: 'No command is called like that.',
  },
  drop: 'Drop to open',
  refusedDrop: {
    several: {
      title: 'One model at a time',
      message: 'Several files were dropped, and nothing was opened.',
      advice:
        'Drop one file, or the folder. Of a model in several parts one is enough: the others are found beside it.',
    },
    kind: {
      title: 'This is no model',
      message: 'Nothing was opened: a model is a .gguf, .safetensors or .onnx file, or a folder.',
      advice: null,
    },
  } satisfies Record<string, { title: string; message: string; advice: string | null }>,
  startingEngine: 'Starting the engine…',
  status: {
    label: 'Status',
    lookingForCards: 'Looking for graphics cards',
    card: (name: string, total: string, free: string) => `${name} · ${total}, ${free} free`,
    noCard: 'No graphics card found here: type the card you have in mind',
    engine: { starting: 'Engine starting', ready: 'Engine ready', stopped: 'Engine stopped' },
    nodeProcess: (program: string) => `A Node process: ${program}`,
    utilityProcess: (program: string) => `A utility process of Electron: ${program}`,
    showRun: 'Show the run',
  },
  stopped: {
    title: 'The engine stopped',
    what: (reason: string) => `It ended unexpectedly (${reason}). Your files are as they were.`,
    whatWithRun: (reason: string) =>
      `It ended unexpectedly (${reason}). Your files are as they were. The run that was going on has stopped; what it finished is kept.`,
    restart: 'Restart the engine',
    lastWords: 'Its last words',
  },
};
