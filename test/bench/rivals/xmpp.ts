import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { xmppPassword } from './prosody.ts'

export interface XmppClient extends Disposable {
  /** The text of a message to somebody at `localhost`; what XML would read as its own must not be in it. */
  send(to: string, body: string): void
}

/**
 * Somebody at Prosody who is online: the little of RFC 6120 and 6121 that this takes.
 * @param onBody hears the text of each message
 */
export async function openXmpp(
  { port, ca, user }: { port: number; ca: string | undefined; user: string },
  onBody: (body: string) => void = () => {}
): Promise<XmppClient> {
  const socket =
    ca === undefined
      ? connect(port, '127.0.0.1')
      : connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca })
  socket.setNoDelay(true)
  await once(socket, ca === undefined ? 'connect' : 'secureConnect')
  const says = reader(socket)
  const open = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>`
  const credentials = Buffer.from(`\0${user}\0${xmppPassword}`).toString('base64')
  socket.write(open)
  await says('</stream:features>')
  socket.write(
    `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${credentials}</auth>`
  )
  await says('<success')
  socket.write(open)
  await says('</stream:features>')
  socket.write(`<iq id='b' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`)
  await says('</iq>')
  socket.write(`<iq id='r' type='get'><query xmlns='jabber:iq:roster'/></iq>`)
  await says("id='r'")
  socket.write('<presence/>')
  await says('<presence')
  says.rest(onBody)
  return {
    send(to, body) {
      socket.write(`<message to='${to}@localhost' type='chat'><body>${body}</body></message>`)
    },
    [Symbol.dispose]: () => socket.destroy()
  }
}

interface Reader {
  /** Waits for what has to come next. */
  (wanted: string): Promise<void>
  /** From now on only the texts of messages count. */
  rest(onBody: (body: string) => void): void
}

function reader(socket: Socket): Reader {
  let held = ''
  let look = (): void => {}
  socket.setEncoding('utf8')
  socket.on('data', (piece: string) => {
    held += piece
    look()
  })
  const says = (wanted: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error(`waited for ${wanted}, and had: ${held}`))
      socket.once('close', fail)
      look = () => {
        const at = held.indexOf(wanted)
        if (at < 0) return
        held = held.slice(at + wanted.length)
        look = () => {}
        socket.removeListener('close', fail)
        resolve()
      }
      look()
    })
  const rest: Reader['rest'] = onBody => {
    look = () => {
      for (let end = held.indexOf('</body>'); end >= 0; end = held.indexOf('</body>')) {
        onBody(held.slice(held.lastIndexOf('<body>', end) + '<body>'.length, end))
        held = held.slice(end + '</body>'.length)
      }
    }
    look()
  }
  return Object.assign(says, { rest })
}
