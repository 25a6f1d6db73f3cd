import { ReadableStream } from 'node:stream/web'
import type { Attachment, Client } from '../client/client.ts'
import type { Ask, Call } from './ask.ts'
import { jsonOf, segment } from './ask.ts'

type Part = Pick<
  Client,
  | 'attach'
  | 'attachments'
  | 'attachment'
  | 'pauseAttachment'
  | 'resumeAttachment'
  | 'dropAttachment'
>

/** Files of letters, over the local API. */
export function remoteAttachments(ask: Ask): Part {
  const one = (path: string, call: Call = {}) => ask(path, call, jsonOf<Attachment>)
  const at = (id: string, what = '') => `/attachments/${segment(id)}${what}`
  return {
    attach(source, { signal, ...query }) {
      const stream = ReadableStream.from(source) as globalThis.ReadableStream<Uint8Array>
      return one('/attachments', { method: 'POST', query, stream, ...(signal && { signal }) })
    },
    attachments: () => ask('/attachments', {}, jsonOf<Attachment[]>),
    attachment: id => one(at(id)),
    pauseAttachment: id => one(at(id, '/pause'), { method: 'POST' }),
    resumeAttachment: id => one(at(id, '/resume'), { method: 'POST' }),
    async dropAttachment(id) {
      await ask(at(id), { method: 'DELETE' }, jsonOf)
    }
  }
}
