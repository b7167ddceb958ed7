// graphql-ws over graphql-js and node-postgres: the streams of bench/streams.py, told by the same hints and the same
// batched read as its floor. An async generator for each subscription, as its documentation has it.
import { buildSchema } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import pg from 'pg'
import { WebSocketServer } from 'ws'

const port = Number(process.argv[process.argv.indexOf('--port') + 1])
const connection = { connectionString: process.env.DATABASE_URL }
const pool = new pg.Pool({ ...connection, max: 10 })
const READ = `
  select asked.place, entry.seq, entry.kind, entry.payload
  from unnest($1::uuid[], $2::uuid[], $3::int[]) with ordinality as asked (stream, user_id, after, place)
  join users on users.id = asked.user_id
  cross join lateral (
    select seq, kind, payload from events
    where events.stream = asked.stream and events.user_id = asked.user_id and seq > asked.after
    order by seq limit 200
  ) as entry
  order by asked.place, entry.seq`

const schema = buildSchema(`
  type Query { nothing: Boolean }
  type Subscription { executionStream(id: ID!, after: String): StreamFrame! }
  union StreamFrame = StreamOpened | EventBatch | StreamClosed
  interface Resumable { cursor: String! }
  type StreamOpened implements Resumable { cursor: String! }
  type EventBatch implements Resumable { cursor: String! continuesFrom: String! events: [Event!]! }
  type StreamClosed implements Resumable { cursor: String! reason: String! }
  interface Event { seq: Int! }
  type StepFinished implements Event { seq: Int! step: Step! }
  type Step { number: Int! status: String! toolName: String text: String }
`)
schema.getSubscriptionType().getFields().executionStream.subscribe = (_, { id }, { user }) => follow(uuid(id), user)

const places = new Map() // by stream: the user, the seq, and who listens
let news = new Set()
let isReading = false

async function* follow(stream, user) {
  const ear = { frames: [], wake: null }
  if (!places.has(stream)) places.set(stream, { user, seq: 0, ears: new Set() })
  const place = places.get(stream)
  place.ears.add(ear)
  try {
    yield { executionStream: { __typename: 'StreamOpened', cursor: cursor(stream, place.seq) } }
    while (true) {
      while (ear.frames.length > 0) yield { executionStream: ear.frames.shift() }
      await new Promise((resolve) => (ear.wake = resolve))
    }
  } finally {
    place.ears.delete(ear)
  }
}

async function readOn() {
  if (isReading) return
  isReading = true
  while (news.size > 0) {
    const streams = [...news]
    news = new Set()
    const asked = streams.map((stream) => places.get(stream))
    const values = [streams, asked.map(({ user }) => user), asked.map(({ seq }) => seq)]
    const { rows } = await pool.query({ name: 'read', text: READ, values })
    for (const row of rows) tell(streams[row.place - 1], row)
  }
  isReading = false
}

function tell(stream, row) {
  const place = places.get(stream)
  const { step } = row.payload
  const event = { __typename: row.kind, seq: row.seq, step: { ...step, toolName: step.tool_name } }
  const frame = {
    __typename: 'EventBatch',
    cursor: cursor(stream, row.seq),
    continuesFrom: cursor(stream, place.seq),
    events: [event]
  }
  place.seq = row.seq
  for (const ear of place.ears) {
    ear.frames.push(frame)
    ear.wake?.()
  }
}

function hear({ payload }) {
  for (const topic of Object.keys(JSON.parse(payload.slice(payload.indexOf('\n') + 1)))) {
    const stream = topic.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    if (places.has(stream)) news.add(stream)
  }
  readOn()
}

function cursor(stream, seq) {
  const bytes = Buffer.alloc(25)
  bytes.writeUInt8(1)
  Buffer.from(stream.replaceAll('-', ''), 'hex').copy(bytes, 1)
  bytes.writeUInt32BE(seq, 21)
  return bytes.toString('base64url')
}

/** Of a TypeID. */
function uuid(id) {
  const digits = [...id.slice(id.indexOf('_') + 1)].map((digit) => '0123456789abcdefghjkmnpqrstvwxyz'.indexOf(digit))
  const number = digits.reduce((sum, digit) => (sum << 5n) | BigInt(digit), 0n)
  const hex = number.toString(16).padStart(32, '0')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const listening = new pg.Client(connection)
await listening.connect()
listening.on('notification', hear)
await listening.query('listen baton')
useServer(
  { schema, context: (_, _id, { variables }) => ({ user: variables.user }) },
  new WebSocketServer({ port, host: '127.0.0.1', path: '/graphql', perMessageDeflate: false })
)
