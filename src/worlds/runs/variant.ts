import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MuttrError } from '../../base/errors.ts'
import { wrapNetwork } from '../../base/wrap-network.ts'
import { dutyOf, holdersAmong } from '../../replicas/duty.ts'
import type { SeedNode, SeedParts } from '../../seed/seed.ts'
import { createSeedNode } from '../../seed/seed.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { variantIn } from '../../sim/scenario-files.ts'

export type CreateSeed = (parts: SeedParts) => SeedNode

/** What ships, for a variant to stand on. */
const shipped = { createSeedNode, dutyOf, holdersAmong, wrapNetwork }
/** What ships, handed to a variant: the seed, the decisions that its `parts` take another of, and what puts something else in a network's place. */
export type Shipped = typeof shipped

/**
 * A protocol that differs from the one that ships: the default export of a module whose path a scenario names as `variant`. The module
 * imports types only, since its text becomes part of the run. Source: docs/guides/research.md#a-variant-of-the-protocol
 */
export interface Variant {
  /**
   * Makes each seed of the network, each time it comes online.
   * @param parts all that a seed is made of: network, store, keys, parameters. What is left out has the value that ships.
   */
  createSeed(parts: SeedParts, shipped: Shipped): SeedNode
}

export const seedsOf =
  (variant: Variant | undefined): CreateSeed =>
  parts =>
    variant ? variant.createSeed(parts, shipped) : createSeedNode(parts)

/** @throws {MuttrError} `SCENARIO_INVALID` when the module fails or is none. */
export async function variantOf(scenario: Scenario): Promise<Variant | undefined> {
  const source = variantIn(scenario)
  if (source === undefined) return undefined
  const { default: variant } = await load(source)
  if (typeof variant?.createSeed !== 'function')
    throw new MuttrError('SCENARIO_INVALID', 'variant: the default export has no createSeed')
  return variant
}

/** From a file of its own, so that Node takes the types out; where it lies nothing can be imported by name. */
async function load(source: string): Promise<{ default?: Variant }> {
  const folder = await mkdtemp(join(tmpdir(), 'muttr-variant-'))
  try {
    const file = join(folder, 'variant.mts')
    await writeFile(file, source)
    return await import(pathToFileURL(file).href)
  } catch (err) {
    throw new MuttrError('SCENARIO_INVALID', `variant: ${(err as Error).message}`, {
      hint: 'A variant imports types only: what ships is handed to it.',
      cause: err
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
