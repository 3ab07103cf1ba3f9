// The app of the long load: quick, and rude to whoever keeps its connections.
//   GET  /            release and instance        GET  /env/NAME   a variable
//   GET  /slow/MS     answers after that long     GET  /drip/MS    trickles for that long
//   POST /did/ID      logs that it was done       POST /upload     counts and sums the body
//   GET  /ws          a WebSocket that says everything back
// Of each eight connections, four are closed unannounced: right after an answer, when idle for
// 100 ms or 1 s, or on our side alone; one is reset.
const http = require('http')
const { createHash } = require('crypto')

const who = process.env.XII_RELEASE + ' ' + process.env.XII_INSTANCE
const moods = [0, null, 100, 'half', null, 1000, 'reset', null]
const rude = process.env.POLITE === undefined
let connections = 0

function sulk (socket) {
  switch (socket.mood) {
    case null: return
    case 0: return socket.destroySoon()
    case 'half': return socket.end()
    case 'reset': return (socket.sulking = setTimeout(() => socket.resetAndDestroy(), 50))
    default: socket.sulking = setTimeout(() => socket.destroy(), socket.mood)
  }
}

function say (response, text) {
  response.setHeader('Content-Length', Buffer.byteLength(text))
  response.end(text)
}

function get (request, response) {
  const [, verb, rest] = request.url.split('/')
  if (verb === 'env') return say(response, process.env[rest] ?? '(unset)')
  if (verb === 'slow') return setTimeout(() => say(response, 'slow ' + who), Number(rest))
  if (verb !== 'drip') return say(response, who)
  const pieces = 20
  const drip = left => {
    if (left === 0) return response.end('drip ' + who)
    response.write('.'.repeat(500))
    setTimeout(() => drip(left - 1), Number(rest) / pieces)
  }
  drip(pieces)
}

function post (request, response) {
  const [, verb, id] = request.url.split('/')
  let bytes = 0
  let sum = 0
  request.on('data', chunk => {
    bytes += chunk.length
    for (const byte of chunk) sum = (sum + byte) & 0xffffff
  })
  request.on('end', () => {
    if (verb === 'did') console.log('did ' + id)
    say(response, `${who} ${bytes} ${sum}`)
  })
}

const server = http.createServer((request, response) => {
  clearTimeout(request.socket.sulking)
  response.on('finish', () => sulk(request.socket))
  request.method === 'POST' ? post(request, response) : get(request, response)
})
server.keepAliveTimeout = 60_000
server.on('connection', socket => {
  socket.mood = rude ? moods[connections++ % moods.length] : null
})
server.on('upgrade', (request, socket, head) => {
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
  const accept = createHash('sha1').update(key).digest('base64')
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\nX-Release: ${who}\r\n\r\n`)
  // Its frames are masked with zeros: what comes is what goes back, but for that one bit.
  let held = head
  const take = chunk => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 6 && held.length >= 6 + (held[1] & 0x7f)) {
      const length = held[1] & 0x7f
      socket.write(Buffer.concat([Buffer.from([held[0], length]), held.subarray(6, 6 + length)]))
      const closing = (held[0] & 15) === 8
      held = held.subarray(6 + length)
      if (closing) return socket.end()
    }
  }
  socket.on('data', take)
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
})
server.on('clientError', (error, socket) => socket.destroy(error))
server.listen(process.env.PORT, '0.0.0.0', 1024)
process.on('SIGTERM', () => {
  server.close()
  setTimeout(() => process.exit(0), 200).unref()
})
