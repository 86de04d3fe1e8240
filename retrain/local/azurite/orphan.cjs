// Loaded into Azurite before anything else (node --require). Standard input is a pipe that the
// stack holds open: when the stack dies, however it dies, the pipe ends and Azurite closes in order.
let closing = false;
process.stdin
  .on('end', () => {
    // Azurite listens for signals only once it runs; before that there is nothing to save.
    if (process.listenerCount('SIGTERM') === 1 && !closing) process.exit(1);
    if (!closing) process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.exit(1), 10_000).unref();
  })
  .on('error', () => {})
  .resume();
// Azurite listens for one signal only: a second would end it before it has saved.
process.on('SIGTERM', () => { closing = true; }).on('SIGINT', () => { closing = true; });
// The log's reader is gone by then, and a line that can't be written must not end the process.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
