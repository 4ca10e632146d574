// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineModel
import Replay
import TraceFormat

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Why a command ends without success: one line for standard error, and an exit code.
///
/// The codes are those of `sysexits.h` where it has one.
struct Failure: Error, Equatable, CustomStringConvertible {
  /// The exit code of a command.
  enum Code: Int32 {
    /// A threshold or a verification failed.
    case verification = 1
    /// The command line is wrong.
    case usage = 64
    /// An input file's contents are wrong.
    case badInput = 65
    /// An input file is missing or unreadable.
    case missingInput = 66
    /// The program itself is wrong.
    case internalError = 70
    /// A result could not be written.
    case unwritableOutput = 74
  }

  var code: Code
  /// One line, without the program's name.
  var description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  /// The failure that an error of a trace is for a command.
  init(_ error: TraceError) {
    switch error.kind {
    case .unreadableInput: code = .missingInput
    case .badData: code = .badInput
    case .unwritableOutput: code = .unwritableOutput
    }
    description = error.description
  }

  /// The failure that an error of a replay is for a command.
  init(_ error: ReplayError) {
    switch error {
    case .trace(let error):
      self.init(error)
    case .machine(let error):
      self.init(.usage, error.description)
    case .event:
      self.init(.badInput, error.description)
    }
  }

  /// Parses the command line, runs the command, and ends the program with the right code.
  static func run(_ command: (some ParsableCommand).Type) -> Never {
    do {
      var parsed = try command.parseAsRoot()
      try parsed.run()
      // Results that cannot be written are no success.
      guard fflush(nil) == 0 else {
        throw Failure(.unwritableOutput, "standard output: expected to write, found an error")
      }
      exit(0)
    } catch let failure as Failure {
      end(failure)
    } catch let error as TraceError {
      end(Failure(error))
    } catch {
      // Help and version are thrown too, with exit code 0; everything else is a usage error.
      if command.exitCode(for: error) == .success { command.exit(withError: error) }
      writeError(command.fullMessage(for: error))
      exit(Code.usage.rawValue)
    }
  }

  private static func end(_ failure: Failure) -> Never {
    writeError("mtesim: \(failure)")
    exit(failure.code.rawValue)
  }

  private static func writeError(_ line: String) {
    var bytes = Array(line.utf8)
    bytes.append(0x0a)
    // Sound: `bytes` is borrowed for the call, which reads exactly the count it is told. Nothing can
    // be done about a standard error that takes no bytes.
    _ = unsafe bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
  }
}
