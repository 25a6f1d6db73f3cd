import type { MessageStream } from '@libp2p/interface'

/** Of libp2p's streams, what this file reaches for. */
interface Telling {
  listenerCount(type: string): number
  safeDispatchEvent(type: string, detail?: object): boolean
}

/** Makes a stream tell its news only where somebody listens: libp2p's make an event of each send, on each of three floors. */
export function quiet(stream: MessageStream): void {
  const telling = stream as unknown as Telling
  if (typeof telling.listenerCount !== 'function' || telling.safeDispatchEvent === undefined)
    throw new TypeError('libp2p has changed: streams tell their news in another way')
  const dispatch = telling.safeDispatchEvent.bind(telling)
  telling.safeDispatchEvent = (type, detail) =>
    telling.listenerCount(type) > 0 ? dispatch(type, detail) : true
}
