import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'

export interface SmtpSender extends Disposable {
  /** Resolves when the server has taken it. What is in the body must not begin a line with a dot. */
  send(to: string, subject: string, body: string): Promise<void>
}

/** One connection to a submission server on this machine, one message at a time (RFC 5321, with pipelining). */
export async function openSmtp(port: number): Promise<SmtpSender> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  await once(socket, 'connect')
  const says = lines(socket)
  const reply = async (code: string): Promise<void> => {
    let line = await says()
    while (line[3] === '-') line = await says()
    if (!line.startsWith(code)) throw new Error(`SMTP: ${line}`)
  }
  await reply('220')
  socket.write('EHLO localhost\r\n')
  await reply('250')
  return {
    async send(to, subject, body) {
      socket.write(
        `MAIL FROM:<bench@localhost>\r\nRCPT TO:<${to}@localhost>\r\nDATA\r\nFrom: bench@localhost\r\nTo: ${to}@localhost\r\nSubject: ${subject}\r\n\r\n${body}\r\n.\r\n`
      )
      for (const code of ['250', '250', '354', '250']) await reply(code)
    },
    [Symbol.dispose]: () => socket.destroy()
  }
}

/** Waits in IDLE (RFC 2177) and fetches the subjects of what came, as a mail program does. @param onSubject hears each once */
export async function openImap(
  { port, user }: { port: number; user: string },
  onSubject: (subject: string) => void
): Promise<Disposable> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  await once(socket, 'connect')
  const says = lines(socket)
  const until = async (start: string, each: (line: string) => void = () => {}): Promise<void> => {
    for (let line = await says(); !line.startsWith(start); line = await says()) each(line)
  }
  await until('* OK')
  socket.write(`a LOGIN ${user} nothing\r\nb SELECT INBOX\r\n`)
  await until('a OK')
  await until('b OK')
  let seen = 0
  let there = 0
  const counts = (line: string): void => {
    const exists = /^\* (\d+) EXISTS/.exec(line)
    if (exists) there = Number(exists[1])
    const subject = /^Subject: (\S+)/.exec(line)
    if (subject) onSubject(subject[1]!)
  }
  const loop = async (): Promise<void> => {
    for (;;) {
      socket.write('i IDLE\r\n')
      await until('+')
      while (there === seen) counts(await says())
      socket.write('DONE\r\n')
      await until('i OK', counts)
      while (there > seen) {
        const last = there
        socket.write(`f FETCH ${seen + 1}:${last} BODY.PEEK[]\r\n`)
        await until('f OK', counts)
        seen = last
      }
    }
  }
  const over = loop()
  over.catch(err => socket.destroyed || socket.destroy(err))
  return { [Symbol.dispose]: () => socket.destroy() }
}

/** @returns the next line, without its end */
function lines(socket: Socket): () => Promise<string> {
  let held = ''
  let wake = (): void => {}
  let over: Error | undefined
  socket.setEncoding('latin1')
  socket.on('data', (piece: string) => {
    held += piece
    wake()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    over = new Error('the server has closed the connection')
    wake()
  })
  return async () => {
    for (;;) {
      const end = held.indexOf('\r\n')
      if (end >= 0) {
        const line = held.slice(0, end)
        held = held.slice(end + 2)
        return line
      }
      if (over) throw over
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
}
