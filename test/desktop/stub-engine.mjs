// An engine small enough for the Node inside any Electron: it answers over the port that a utility process is given.
// It stands in for the real one where that cannot run, to show that the shell brokers the port.
process.parentPort.on('message', (event) => {
  const [port] = event.ports;
  const results = {
    'jobs.list': { jobs: [] },
    devices: { devices: [], llama: null, onnxProviders: [], missing: [] },
    sample: { model: '/nowhere/sample.gguf' },
  };
  port.on('message', ({ data: { kind, id, method } }) => {
    if (kind !== 'request') return;
    const error = { code: 'FILE_NOT_FOUND', message: 'This is a stand-in for the engine.', details: {} };
    port.postMessage(method in results ? { kind: 'result', id, result: results[method] } : { kind: 'error', id, error });
  });
  port.start();
});
