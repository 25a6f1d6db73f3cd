import { toHex } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Log, Millis, Network } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Device } from '../keys/device.ts'
import { makeStatement } from '../keys/device.ts'
import type { State } from '../store/state.ts'
import { bytes, literal, mapped, tuple, uint } from '../wire/cbor.ts'
import { decodeSignedStatement } from '../wire/device.ts'
import type { Self } from './self.ts'
import { createTable } from './table.ts'

interface Parts {
  network: Pick<Network, 'self'>
  state: State
  clock: Clock
  log: Log
  crypto: Crypto
  self: Self
  device: Device
}

const dayMs = 24 * 3_600_000

const statementRow = mapped(
  tuple(literal(1), uint(), bytes(1, 8 * 1_024)),
  ([, untilMs, frame]): { untilMs: Millis; frame: Uint8Array } => ({ untilMs, frame })
)

/** The pod's clock may be behind ours. */
const lifeMs = limits.deviceLifeMsMax - dayMs

/** Device statements, kept so that a locked client can say who it is; made anew in the last third of their life. */
export function createStatements({ state, clock, log, crypto, self, device, network }: Parts) {
  const rows = createTable({
    state,
    log,
    name: 'statements',
    field: statementRow,
    write: s => [1, s.untilMs, s.frame],
    maxBytes: 9 * 1_024
  })
  return async (hostname: string): Promise<Uint8Array> => {
    const nowMs = clock.now()
    const kept = await rows.get(`${hostname} ${network.self}`).catch(() => undefined)
    const leftMs = kept && isOurs(kept.frame, self) ? kept.untilMs - nowMs : 0
    // One made while our clock was ahead is of a time that has not come.
    const fresh = leftMs > limits.deviceLifeMsMax / 3 && leftMs <= lifeMs + limits.clockSkewMs
    if (kept && (fresh || (self.locked && leftMs > 0))) return kept.frame
    const untilMs = nowMs + lifeMs
    const { publicKey: deviceKey } = device
    const peer = network.self
    const pod = hostname
    const about = { deviceKey, peer, pod, nowMs, untilMs }
    const frame = await makeStatement(self.person(), about, crypto)
    await state.write([rows.put(`${hostname} ${network.self}`, { untilMs, frame })])
    return frame
  }
}

/** One by a key that we had before says nothing of us. */
function isOurs(frame: Uint8Array, self: Self): boolean {
  const { fingerprint } = decodeSignedStatement(frame).statement
  return toHex(fingerprint) === self.certificate()?.fingerprint
}
