import { join } from 'node:path'
import { levelState, levelStore } from '../../src/store/level.ts'
import { memoryState, memoryStore } from '../../src/store/memory.ts'
import { seedStoreContract } from '../support/seed-store-contract.ts'
import { stateContract } from '../support/state-contract.ts'
import { temporaryFolder } from '../support/store-folder.ts'

describe('stores', () => {
  const folders: Awaited<ReturnType<typeof temporaryFolder>>[] = []
  const folder = async () => {
    const made = await temporaryFolder()
    folders.push(made)
    return join(made.path, 'db')
  }
  after(async () => {
    for (const made of folders) await made[Symbol.asyncDispose]()
  })

  seedStoreContract('memory', async options => memoryStore(options))
  seedStoreContract('level', async options => levelStore(await folder(), options))
  stateContract('memory', async () => memoryState())
  stateContract('level', async () => levelState(await folder()))
})
