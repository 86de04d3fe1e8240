// Loaded into Azurite before anything else (node --require). Standard input is a pipe that the
// stack holds open: when the stack dies, however it dies, the pipe ends and Azurite closes in order.
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).on('error', () => {}).resume();
