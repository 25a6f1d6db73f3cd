import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'
import { configBytesMax, parseJson } from './config.ts'
import { Multiaddr, PodEntry } from './fields.ts'
import { packageRoot } from './package-root.ts'
import { problemOf } from './problem.ts'

/** The parameters every node of a network shares. Defaults as in docs/protocol/dht.md. */
const Parameters = z
  .strictObject({
    replicas: z.int().min(1).max(20).default(8),
    quorum: z.int().min(1).max(20).default(5)
  })
  .refine(p => p.quorum <= p.replicas, { path: ['quorum'], message: 'more than replicas' })

/** What a node must know to join a network: a few seeds, the pods, the parameters. Source: docs/protocol/network-file.md */
export const NetworkFile = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, 'not 1 to 64 lower-case letters, digits, dots, hyphens'),
    description: z.string().max(500).default(''),
    seeds: z.array(Multiaddr).max(64).default([]),
    pods: z.array(PodEntry).max(256).default([]),
    parameters: Parameters.prefault({})
  })
  .refine(n => new Set(n.pods.map(pod => pod.hostname)).size === n.pods.length, {
    path: ['pods'],
    message: 'a hostname stands twice'
  })
export type NetworkFile = z.infer<typeof NetworkFile>

/** @param text of a network file. @throws {MuttrError} `NETWORK_INVALID`, naming the field. */
export const readNetwork = (text: string): NetworkFile =>
  checkNetwork(parseJson(text, 'NETWORK_INVALID', 'the network file'))

/** @throws {MuttrError} `NETWORK_INVALID` */
export function checkNetwork(value: unknown): NetworkFile {
  const parsed = NetworkFile.safeParse(value)
  if (!parsed.success) throw problemOf('NETWORK_INVALID', 'network file', parsed.error, NetworkFile)
  return parsed.data
}

export const writeNetwork = (network: NetworkFile): string =>
  `${JSON.stringify(checkNetwork(network), null, 2)}\n`

const builtIn = join(packageRoot, 'bootstrap')

/**
 * Reads a network by the name of a built-in one (`local`) or by the path of a file.
 * @throws {MuttrError} `NETWORK_INVALID`, also when there is no such file.
 */
export async function loadNetwork(nameOrFile: string): Promise<NetworkFile> {
  const file = /^[a-z0-9-]+$/.test(nameOrFile) ? join(builtIn, `${nameOrFile}.json`) : nameOrFile
  return readNetwork(await readText(file, nameOrFile))
}

async function readText(file: string, name: string): Promise<string> {
  try {
    const bytes = await readFile(file)
    if (bytes.byteLength <= configBytesMax) return bytes.toString('utf8')
  } catch (cause) {
    throw new MuttrError('NETWORK_INVALID', `no network ${name} can be read`, { cause })
  }
  throw new MuttrError('NETWORK_INVALID', `the network file ${name} is too large`)
}
