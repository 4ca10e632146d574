// SPDX-License-Identifier: Apache-2.0

/// A trace in the format of Perfetto: tracks, and slices, instants and counter values on them.
///
/// Times are those of the trace's clock; Perfetto shows them as nanoseconds. All packets belong to one
/// sequence, so slices on a track must be added in the order of their times.
///
/// Source: Perfetto's `trace_packet.proto`, `track_descriptor.proto`, `track_event.proto`,
/// `debug_annotation.proto`, `process_descriptor.proto`, `counter_descriptor.proto`.
struct PerfettoTrace {
  /// A row of the timeline.
  struct Track {
    fileprivate let identifier: UInt64
  }

  /// The unit of a counter's values; the raw value is Perfetto's.
  enum Unit: UInt64 {
    case count = 2
    case bytes = 3
  }

  /// Field numbers of Perfetto's messages.
  private enum Field {
    enum Trace { static let packet = 1 }
    enum Packet {
      static let timestamp = 8
      static let sequence = 10
      static let event = 11
      static let sequenceFlags = 13
      static let track = 60
    }
    enum Track {
      static let identifier = 1
      static let name = 2
      static let process = 3
      static let parent = 5
      static let counter = 8
      static let childOrdering = 11
      static let rank = 12
      static let description = 14
    }
    enum Process {
      static let number = 1
      static let name = 6
    }
    enum Counter { static let unit = 3 }
    enum Event {
      static let annotation = 4
      static let type = 9
      static let track = 11
      static let name = 23
      static let counterValue = 30
    }
    enum Annotation {
      static let unsigned = 3
      static let name = 10
    }
  }

  private enum EventType: UInt64 {
    case sliceBegin = 1
    case sliceEnd = 2
    case instant = 3
    case counter = 4
  }

  /// Children are shown by rank: `TrackDescriptor.ChildTracksOrdering.EXPLICIT`.
  private static let explicitOrdering: UInt64 = 3
  /// The sequence's first packet refers to nothing earlier: `SEQ_INCREMENTAL_STATE_CLEARED`.
  private static let stateCleared: UInt64 = 1

  private var trace = ProtobufMessage()
  private var trackCount: UInt64 = 0

  /// The trace so far.
  var bytes: [UInt8] { trace.bytes }

  /// Adds the track of a process.
  ///
  /// - Precondition: no other track has the process number.
  mutating func addProcess(_ name: String, number: Int) -> Track {
    addTrack { track in
      track.add(Field.Track.process) { process in
        process.add(Field.Process.number, UInt64(number))
        process.add(Field.Process.name, name)
      }
      track.add(Field.Track.childOrdering, Self.explicitOrdering)
    }
  }

  /// Adds a track of slices below that of a process.
  mutating func addTrack(_ name: String, below parent: Track, rank: Int) -> Track {
    addTrack { track in
      track.add(Field.Track.name, name)
      track.add(Field.Track.parent, parent.identifier)
      track.add(Field.Track.rank, UInt64(rank))
    }
  }

  /// Adds a track of counter values below that of a process.
  mutating func addCounter(
    _ name: String,
    _ unit: Unit,
    description: String,
    below parent: Track,
    rank: Int
  ) -> Track {
    addTrack { track in
      track.add(Field.Track.name, name)
      track.add(Field.Track.parent, parent.identifier)
      track.add(Field.Track.counter) { $0.add(Field.Counter.unit, unit.rawValue) }
      track.add(Field.Track.rank, UInt64(rank))
      track.add(Field.Track.description, description)
    }
  }

  /// Adds a slice with numbers that belong to it.
  mutating func addSlice(
    _ name: String,
    _ times: Range<UInt64>,
    numbers: [(name: String, value: UInt64)],
    on track: Track
  ) {
    addEvent(.sliceBegin, at: times.lowerBound, on: track) { event in
      event.add(Field.Event.name, name)
      for number in numbers {
        event.add(Field.Event.annotation) { annotation in
          annotation.add(Field.Annotation.name, number.name)
          annotation.add(Field.Annotation.unsigned, number.value)
        }
      }
    }
    addEvent(.sliceEnd, at: times.upperBound, on: track) { _ in }
  }

  /// Adds something that happened at one time.
  mutating func addInstant(_ name: String, at time: UInt64, on track: Track) {
    addEvent(.instant, at: time, on: track) { $0.add(Field.Event.name, name) }
  }

  /// Adds the value that a counter has from `time` on.
  mutating func addValue(_ value: UInt64, at time: UInt64, on track: Track) {
    addEvent(.counter, at: time, on: track) { $0.add(Field.Event.counterValue, value) }
  }

  private mutating func addTrack(_ describe: (inout ProtobufMessage) -> Void) -> Track {
    trackCount += 1
    let identifier = trackCount
    addPacket { packet in
      if identifier == 1 { packet.add(Field.Packet.sequenceFlags, Self.stateCleared) }
      packet.add(Field.Packet.track) { track in
        track.add(Field.Track.identifier, identifier)
        describe(&track)
      }
    }
    return Track(identifier: identifier)
  }

  private mutating func addEvent(
    _ type: EventType,
    at time: UInt64,
    on track: Track,
    _ describe: (inout ProtobufMessage) -> Void
  ) {
    addPacket { packet in
      packet.add(Field.Packet.timestamp, time)
      packet.add(Field.Packet.event) { event in
        event.add(Field.Event.type, type.rawValue)
        event.add(Field.Event.track, track.identifier)
        describe(&event)
      }
    }
  }

  private mutating func addPacket(_ fill: (inout ProtobufMessage) -> Void) {
    trace.add(Field.Trace.packet) { packet in
      packet.add(Field.Packet.sequence, UInt64(1))
      fill(&packet)
    }
  }
}
