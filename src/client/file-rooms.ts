import { Outbox } from '../base/outbox.ts'
import { memorySpool } from '../store/spool.ts'
import { Ahead } from './attachments/ahead.ts'
import { ChunkWatch } from './attachments/chunk-watch.ts'
import { Downloads } from './attachments/downloads.ts'
import { createLetterFiles } from './attachments/letter-files.ts'
import { usualCaps } from './attachments/room.ts'
import type { UploadsParts } from './attachments/uploads.ts'
import { Uploads } from './attachments/uploads.ts'
import type { NetworkBackupsParts } from './backup/network.ts'
import { NetworkBackups } from './backup/network.ts'
import type { Contacts } from './contacts.ts'
import type { ClientParts } from './create-client.ts'
import type { Pods } from './pods.ts'
import { aheadSchedule, chunkWatchSchedule } from './retry.ts'
import type { StrangerFetch } from './stranger-fetch.ts'

type Shared = Pick<
  UploadsParts,
  'state' | 'self' | 'clock' | 'random' | 'log' | 'emit' | 'life' | 'relay'
>

interface FileRoomsParts
  extends Shared,
    Pick<ClientParts, 'dht' | 'spool' | 'spoolCaps' | 'networkBackup'>,
    Pick<NetworkBackupsParts, 'backups' | 'list'> {
  ourPeer: string
  contacts: Contacts
  pods: Pods
  strangerFetch: StrangerFetch
  /** The file may go, and letters with these ids with it. */
  onStored(letters: readonly string[]): void
}

/** What goes out and comes in as chunks: files of letters, and the backup in the network. */
export function makeFileRooms(parts: FileRoomsParts) {
  const { dht, ourPeer, state, self, contacts, pods, strangerFetch, relay } = parts
  const { clock, random, log, emit, life, backups, list } = parts
  const { spool = memorySpool(), spoolCaps: caps = usualCaps, networkBackup } = parts
  const uploads = new Uploads({
    ...{ dht, ourPeer, state, spool, caps, self, clock, random, log, life, relay },
    emit: event => {
      if (!networkBackups.heard(event)) emit(event)
    },
    onStored(row) {
      chunkWatch.watch(row)
      void letterFiles.lettersOf(row.id).then(parts.onStored)
    }
  })
  const networkBackups: NetworkBackups = new NetworkBackups({
    ...{ state, self, backups, uploads, list, dht, clock, random, log, emit, life },
    mode: networkBackup?.mode ?? 'off',
    maxBytes: networkBackup?.maxBytes ?? 256 * 2 ** 20
  })
  const ahead = new Ahead({
    ...{ state, pods, clock, random, log, life },
    outbox: new Outbox({ schedule: aheadSchedule, parallel: 4 }),
    onChange: id => downloads.aheadChanged(id),
    onForgotten: id => downloads.aheadForgotten(id)
  })
  const downloads: Downloads = new Downloads({
    ...{ dht, state, self, contacts, strangerFetch, ahead, clock, random, log, emit, life },
    ...{ spool, caps }
  })
  const letterFiles = createLetterFiles({
    ...{ state, self },
    manifest: id => uploads.manifest(id),
    row: id => uploads.row(id)
  })
  const chunkWatch: ChunkWatch = new ChunkWatch({
    ...{ dht, uploads, clock, random, log, life, relay },
    outbox: new Outbox({ schedule: chunkWatchSchedule, parallel: 2 })
  })
  return { uploads, downloads, letterFiles, ahead, chunkWatch, networkBackups }
}
