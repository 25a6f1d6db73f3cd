import { z } from 'zod'
import type { Millis } from '../base/ports.ts'
import { homePaths, readHomeFile, writeFileAtomic } from '../config/home.ts'

/** HOME/backup.json: that the secret key was given out, and when. What is not readable as that is as good as no backup. */
const Backup = z.strictObject({ keyMs: z.int().nonnegative() })

export async function readBackup(home: string): Promise<Millis | null> {
  const bytes = await readHomeFile(homePaths(home).backup).catch(() => undefined)
  if (!bytes) return null
  try {
    return Backup.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).keyMs
  } catch {
    return null
  }
}

export const writeBackup = (home: string, keyMs: Millis): Promise<void> =>
  writeFileAtomic(homePaths(home).backup, `${JSON.stringify({ keyMs })}\n`)
