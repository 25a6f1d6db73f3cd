import { writeFile } from 'node:fs/promises'
import type { Client } from '../client/client.ts'
import type { Session } from './session.ts'
import { usage } from './units.ts'

/** Writes a proof where the person wants it. `of` names what it proves, as the answer does; `-` is standard output. */
export async function exportProof(
  { out, withClient }: Session,
  file: string,
  made: (client: Client) => Promise<{ of: Record<string, string>; proof: Uint8Array }>
): Promise<void> {
  if (file === '-' && out.screen && !out.json)
    throw usage('a proof is not for a terminal', 'Write it to a file: --out FILE')
  await withClient(async client => {
    const { of, proof } = await made(client)
    const sizeBytes = proof.byteLength
    if (file !== '-') {
      await written(file, proof)
      return out.result({ ...of, file, sizeBytes }, () => `${file}: ${sizeBytes} bytes`)
    }
    if (!out.json) return out.bytes(proof)
    return out.result({ ...of, sizeBytes, base64: Buffer.from(proof).toString('base64') }, () => '')
  })
}

async function written(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(file, bytes)
  } catch (err) {
    throw usage(`${file} cannot be written: ${(err as Error).message}`)
  }
}
