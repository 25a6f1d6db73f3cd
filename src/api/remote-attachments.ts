import { ReadableStream } from 'node:stream/web'
import type { Attachment, Client, ReceivedAttachment, Transfer } from '../client/client.ts'
import type { Ask, Call } from './ask.ts'
import { jsonOf, lost, segment } from './ask.ts'

type Part = Pick<
  Client,
  | 'attach'
  | 'attachments'
  | 'attachment'
  | 'pauseAttachment'
  | 'resumeAttachment'
  | 'dropAttachment'
  | 'fetchAttachment'
  | 'fetchAhead'
  | 'pauseFetch'
  | 'forgetAttachment'
  | 'openAttachment'
>

/** Files of letters, over the local API. */
export function remoteAttachments(ask: Ask): Part {
  const one = (path: string, call: Call = {}) => ask(path, call, jsonOf<Attachment>)
  const at = (id: string, what = '') => `/attachments/${segment(id)}${what}`
  const inLetter = (letter: string, index: number, what = '') =>
    `/inbox/${segment(letter)}/attachments/${index}${what}`
  const received = (letter: string, index: number, method: 'POST' | 'DELETE', what = '') =>
    ask(inLetter(letter, index, what), { method }, jsonOf<ReceivedAttachment>)
  return {
    attach(source, { signal, ...query }) {
      const stream = ReadableStream.from(source) as globalThis.ReadableStream<Uint8Array>
      return one('/attachments', { method: 'POST', query, stream, ...(signal && { signal }) })
    },
    attachments: () => ask('/attachments', {}, jsonOf<Transfer[]>),
    attachment: id => one(at(id)),
    pauseAttachment: id => one(at(id, '/pause'), { method: 'POST' }),
    resumeAttachment: id => one(at(id, '/resume'), { method: 'POST' }),
    async dropAttachment(id) {
      await ask(at(id), { method: 'DELETE' }, jsonOf)
    },
    fetchAttachment: (letter, index) => received(letter, index, 'POST', '/fetch'),
    fetchAhead: (letter, index) => received(letter, index, 'POST', '/ahead'),
    pauseFetch: (letter, index) => received(letter, index, 'POST', '/pause'),
    forgetAttachment: (letter, index) => received(letter, index, 'DELETE'),
    async openAttachment(letter, index, { signal } = {}) {
      const body = await ask(
        inLetter(letter, index),
        { ...(signal && { signal }) },
        async answer => answer.body
      )
      return piecesOf(body)
    }
  }
}

/** What breaks on the way is the connection's fault. */
async function* piecesOf(
  body: globalThis.ReadableStream<Uint8Array> | null
): AsyncGenerator<Uint8Array> {
  try {
    if (body) yield* body
  } catch (err) {
    throw lost(err)
  }
}
