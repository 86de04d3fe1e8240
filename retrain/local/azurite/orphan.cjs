// Loaded into Azurite before anything else (node --require). Standard input is a pipe that the
// stack holds open: when the stack dies, however it dies, the pipe ends and Azurite closes in order.
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).on('error', () => {}).resume();
// Azurite listens for one signal only: a second would end it before it has saved.
process.on('SIGTERM', () => {}).on('SIGINT', () => {});
// The log's reader is gone by then, and a line that can't be written must not end the process.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
