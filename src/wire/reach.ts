import { limits } from '../base/limits.ts'
import { array, bool, decodeCbor, encodeCbor, mapped, tuple, uint } from './cbor.ts'
import { address, packed } from './contact.ts'

/** What nodes ask each other about being dialled, on the control stream. Source: docs/protocol/reach.md */
export const dialBackMethod = 'dial-back'
export const standingMethod = 'standing'

const port = uint(65_535, 1)
const ports = array(port, limits.dialBackPortsMax)

/** dial-back: "dial me where you see me, at these ports". */
export const encodeDialBack = (asked: readonly number[]): Uint8Array => encodeCbor([asked])
export const decodeDialBack = (frame: Uint8Array): number[] =>
  decodeCbor(frame, 'a dial-back request', tuple(ports), 64)[0]

export interface DialBackAnswer {
  /** The address of the asker's connection as the answerer sees it. */
  readonly seen: string
  /** Those at which the asker answered. */
  readonly open: readonly number[]
}

export const encodeDialBackAnswer = ({ seen, open }: DialBackAnswer): Uint8Array =>
  encodeCbor([packed(seen), open])
export const decodeDialBackAnswer = (frame: Uint8Array): DialBackAnswer =>
  decodeCbor(
    frame,
    'a dial-back answer',
    mapped(tuple(address, ports), ([seen, open]) => ({ seen, open })),
    256
  )

/** standing: what a greeting said has changed. */
export interface Standing {
  /** Serves the DHT and can be dialled. */
  readonly server: boolean
  readonly addresses: readonly string[]
}

const standing = mapped(
  tuple(bool, array(address, limits.contactAddressesMax)),
  ([server, addresses]): Standing => ({ server, addresses })
)

export const encodeStanding = ({ server, addresses }: Standing): Uint8Array =>
  encodeCbor([server, addresses.map(packed)])
export const decodeStanding = (frame: Uint8Array): Standing =>
  decodeCbor(frame, 'a standing', standing, 2_048)
