import { createHash } from 'node:crypto'
import { MuttrError } from '../../src/base/errors.ts'
import type { Attachment, Client, ReceivedAttachment } from '../../src/client/client.ts'

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

const expiryMs = Date.UTC(2026, 3, 1)
const idOf = (name: string) => createHash('sha256').update(name).digest('hex').slice(0, 32)

/** Files of a fake client: they stand as soon as they are attached. */
export function fakeFiles(calls: unknown[][]): Part {
  const files: Attachment[] = []
  function file(id: string): Attachment {
    const known = files.find(one => one.id === id)
    if (!known) throw new MuttrError('ATTACHMENT_UNKNOWN', `no attachment ${id}`)
    return known
  }

  const received = (
    letter: string,
    index: number,
    state: ReceivedAttachment['state']
  ): ReceivedAttachment => {
    calls.push(['attachment', letter, index, state])
    if (index > 0) throw new MuttrError('ATTACHMENT_UNKNOWN', `the letter has no file ${index}`)
    return {
      ...{ index, name: 'Grüße.pdf', type: 'application/pdf', sizeBytes: 5_000, expiryMs, state },
      ...{ haveBytes: 0, bytesPerSecond: null, remainingMs: null, problem: null, ahead: null }
    }
  }
  return {
    async attach(source, { signal: _, ...options }) {
      let sizeBytes = 0
      for await (const piece of source) sizeBytes += piece.byteLength
      calls.push(['attach', sizeBytes, options])
      const id = idOf(`file ${files.length + 1}`)
      const { name, type = 'application/octet-stream' } = options
      files.unshift({
        ...{ direction: 'out', id, name, type, sizeBytes, state: 'stored', expiryMs },
        ...{ sealedBytes: sizeBytes, storedBytes: sizeBytes, bytesPerSecond: null },
        ...{ remainingMs: null, problem: null }
      })
      return { ...files[0]! }
    },
    attachments: async () => files.map(one => ({ ...one })),
    attachment: async id => ({ ...file(id) }),
    async pauseAttachment(id) {
      return { ...Object.assign(file(id), { state: 'paused' }) }
    },
    async resumeAttachment(id) {
      return { ...Object.assign(file(id), { state: 'storing' }) }
    },
    async dropAttachment(id) {
      files.splice(files.indexOf(file(id)), 1)
    },
    fetchAttachment: async (letter, index) => received(letter, index, 'here'),
    fetchAhead: async (letter, index) => {
      const ahead = { pod: 'one.test', state: 'fetching' as const, haveBytes: 2_000, problem: null }
      return { ...received(letter, index, 'remote'), ahead }
    },
    pauseFetch: async (letter, index) => received(letter, index, 'paused'),
    forgetAttachment: async (letter, index) => received(letter, index, 'remote'),
    async openAttachment(letter, index) {
      received(letter, index, 'here')
      return (async function* () {
        for (let i = 0; i < 5; i++) yield new Uint8Array(1_000).fill(i)
      })()
    }
  }
}
