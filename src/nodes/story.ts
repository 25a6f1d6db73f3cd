import type { MuttrEvent } from '../base/events.ts'
import type { Millis } from '../base/ports.ts'

const ms = (n: Millis): string => `${n < 10 ? n.toFixed(1) : Math.round(n)} ms`
const short = (hex: string): string => `${hex.slice(0, 12)}…`

/** The twelve steps of a letter, told from the events of the nodes that live them. */
export function tell(who: string, event: MuttrEvent): string | undefined {
  const line = sentence(who, event)
  return line && `${String(line[0]).padStart(2)}  ${line[1]}`
}

function sentence(who: string, e: MuttrEvent): [step: number, text: string] | undefined {
  switch (e.type) {
    case 'seeds-asked':
      return [1, `${who}, unidentified, connects to ${e.pod} and asks for the nearest seeds`]
    case 'seeds-received':
      return [2, `${e.pod} names ${e.count} seeds and ${who} fills the routing table (${ms(e.ms)})`]
    case 'identified':
      return [
        3,
        `${who} identifies with a signed device statement on the private channel to ${e.pod} (${ms(e.ms)})`
      ]
    case 'registered':
      return [4, `${who} registers ${e.alias}; the pod certifies the key (${ms(e.ms)})`]
    case 'listening':
      return [5, `${e.pod} now pushes the keys of ${who}'s letters, live`]
    case 'looked-up':
      return [
        6,
        `${who} asks for ${e.alias}: fingerprint ${short(e.fingerprint)}, pin ${e.pin} (${ms(e.ms)})`
      ]
    case 'sealed':
      return [
        7,
        `${who} signs and seals letter ${short(e.letter)}: ${e.sizeBytes} bytes for one hidden reader (${ms(e.ms)})`
      ]
    case 'stored':
      return [
        8,
        `${who} stores it under ${short(e.key)}: ${e.copies} signed copies, ${e.needed} needed, ${e.wanted} wanted (${ms(e.ms)})`
      ]
    case 'announced':
      return [
        9,
        `${who} tells ${e.pod} with a sealed notice; the pod signs that it took it (${ms(e.ms)})`
      ]
    case 'notified':
      return [10, `${e.pod} notifies ${who} by ${e.how} of key ${short(e.key)}`]
    case 'fetched':
      return [
        11,
        `${who} fetches ${e.sizeBytes} bytes from seed ${short(e.from.slice(-12))} (${ms(e.ms)})`
      ]
    case 'opened':
      return [12, `${who} opens it and verifies that ${e.from} signed it (${ms(e.ms)})`]
    default:
      return undefined
  }
}
