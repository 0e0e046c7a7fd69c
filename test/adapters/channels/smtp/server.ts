import { createServer, type AddressInfo, type Socket } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { Test } from 'tap'

export type Mail = { from: string; to: string[]; source: Buffer; secure: boolean; user: unknown }

/** A real SMTP server on loopback. What `options` do not change it takes, and keeps. */
export async function startSmtpServer(
  t: Pick<Test, 'teardown'>,
  options: SMTPServerOptions = {},
): Promise<{ port: number; mails: Mail[] }> {
  const mails: Mail[] = []
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) =>
      username === 'team' && password === 'secret'
        ? done(null, { user: username })
        : done(new Error('Invalid username or password')),
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          source: Buffer.concat(chunks),
          secure: session.secure,
          user: session.user,
        })
        done()
      })
    },
    ...options,
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => new Promise<void>((resolve) => server.close(resolve)))
  return { port: (server.server.address() as AddressInfo).port, mails }
}

/**
 * A server below SMTP, for what no real one would say: `answer` gets each line, and the whole message as one with its
 * dot; null says nothing.
 */
export async function startRawServer(
  t: Pick<Test, 'teardown'>,
  answer: (line: string, socket: Socket) => string | null,
  greeting: string | null = '220 raw ESMTP',
): Promise<{ port: number; lines: string[]; opened: Promise<void>; closed: Promise<void> }> {
  const lines: string[] = []
  const sockets = new Set<Socket>()
  const opened = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    sockets.add(socket)
    opened.resolve()
    socket.on('error', () => {})
    socket.on('close', () => closed.resolve())
    if (greeting !== null) socket.write(`${greeting}\r\n`)
    let pending = ''
    let inData = false
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1')
      for (;;) {
        const end = pending.indexOf(inData ? '\r\n.\r\n' : '\r\n')
        if (end < 0) return
        const line = inData ? 'message' : pending.slice(0, end)
        pending = pending.slice(end + (inData ? 5 : 2))
        inData = false
        lines.push(line)
        const said = answer(line, socket)
        if (said === null) continue
        inData = said.startsWith('354')
        socket.write(`${said}\r\n`)
      }
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { port, lines, opened: opened.promise, closed: closed.promise }
}

/** What a server that takes everything says. */
export function agree(line: string): string {
  return line === 'DATA' ? '354 go on' : '250 OK'
}
