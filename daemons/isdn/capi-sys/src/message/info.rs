//! Why something was not done or is over, and why a call is not taken.

use super::code::codes;

codes! {
    /// The result of a request, or the reason of a disconnection (CAPI 2.0 Part I, section 3.5 and
    /// chapter 7; both share the numbers).
    Info, otherwise "a code that CAPI does not define";
    SUCCESS 0x0000 "done"
    NCPI_IGNORED 0x0001 "done, but the protocol knows no NCPI"
    FLAGS_IGNORED 0x0002 "done, but the protocol knows no flags"
    ALERT_ALREADY_SENT 0x0003 "another application has alerted already"
    TOO_MANY_APPLICATIONS 0x1001 "too many applications are registered"
    BLOCK_TOO_SMALL 0x1002 "the longest block is below 128 octets"
    BUFFER_TOO_LARGE 0x1003 "the application's buffer is above 64 KiB"
    MESSAGE_BUFFER_TOO_SMALL 0x1004 "the buffer for messages is below 1024 octets"
    TOO_MANY_CONNECTIONS 0x1005 "so many connections are not possible"
    REGISTER_RESERVED 0x1006 "reserved"
    REGISTER_BUSY 0x1007 "registering is not possible at the moment"
    REGISTER_NO_RESOURCES 0x1008 "the operating system has no resources for another application"
    NOT_INSTALLED 0x1009 "CAPI is not installed"
    NO_EXTERNAL_EQUIPMENT 0x100a "the controller has no external equipment"
    ONLY_EXTERNAL_EQUIPMENT 0x100b "the controller has external equipment only"
    ILLEGAL_APPLICATION 0x1101 "the application is not registered"
    ILLEGAL_MESSAGE 0x1102 "the message is unknown or too short"
    QUEUE_FULL 0x1103 "the queue is full for the moment"
    QUEUE_EMPTY 0x1104 "no message waits"
    QUEUE_OVERFLOW 0x1105 "messages were lost because the application was too slow"
    UNKNOWN_NOTIFICATION 0x1106 "the notification's parameter is unknown"
    BUSY 0x1107 "CAPI is busy at the moment"
    NO_RESOURCES 0x1108 "the operating system has no resources"
    MESSAGE_NOT_INSTALLED 0x1109 "CAPI is no longer installed"
    MESSAGE_NO_EXTERNAL_EQUIPMENT 0x110a "the controller has no external equipment"
    MESSAGE_ONLY_EXTERNAL_EQUIPMENT 0x110b "the controller has external equipment only"
    WRONG_STATE 0x2001 "the message does not fit the state"
    ILLEGAL_IDENTIFIER 0x2002 "there is no such controller, call or connection"
    NO_PLCI 0x2003 "there is no room for another call"
    NO_NCCI 0x2004 "there is no room for another connection"
    NO_LISTEN 0x2005 "there is no room for another listener"
    NO_FAX 0x2006 "there are no fax resources"
    ILLEGAL_PARAMETER 0x2007 "a parameter is coded wrongly"
    NO_INTERCONNECTION 0x2008 "there are no resources to interconnect lines"
    B1_NOT_SUPPORTED 0x3001 "the B1 protocol is not supported"
    B2_NOT_SUPPORTED 0x3002 "the B2 protocol is not supported"
    B3_NOT_SUPPORTED 0x3003 "the B3 protocol is not supported"
    B1_PARAMETER 0x3004 "a parameter of the B1 protocol is not supported"
    B2_PARAMETER 0x3005 "a parameter of the B2 protocol is not supported"
    B3_PARAMETER 0x3006 "a parameter of the B3 protocol is not supported"
    PROTOCOL_COMBINATION 0x3007 "the B protocols do not go together"
    NCPI_NOT_SUPPORTED 0x3008 "the NCPI is not supported"
    CIP_NOT_SUPPORTED 0x3009 "the kind of call is not supported"
    FLAGS_NOT_SUPPORTED 0x300a "the flags are not supported"
    FACILITY_NOT_SUPPORTED 0x300b "the facility is not supported"
    DATA_LENGTH 0x300c "the block's length is not supported"
    RESET_NOT_SUPPORTED 0x300d "the protocol cannot be reset"
    LAYER_1 0x3301 "protocol error of layer 1: the line broke, or the B channel was taken away"
    LAYER_2 0x3302 "protocol error of layer 2: the link broke"
    LAYER_3 0x3303 "protocol error of layer 3: the connection broke"
    TAKEN_BY_ANOTHER 0x3304 "another application has taken the call"
    CLEARED 0x3400 "the network cleared the call without a cause"
    UNALLOCATED_NUMBER 0x3481 "cause 1: nobody has this number"
    NO_ROUTE 0x3483 "cause 3: no route to the destination"
    NORMAL_CLEARING 0x3490 "cause 16: the call was cleared normally"
    USER_BUSY 0x3491 "cause 17: the called side is busy"
    NO_RESPONSE 0x3492 "cause 18: nobody responds"
    NO_ANSWER 0x3493 "cause 19: it rings, but nobody answers"
    CALL_REJECTED 0x3495 "cause 21: the called side rejects the call"
    NUMBER_CHANGED 0x3496 "cause 22: the number has changed"
    OUT_OF_ORDER 0x349b "cause 27: the destination is out of order"
    INVALID_NUMBER 0x349c "cause 28: the number is not complete or not valid"
    NORMAL_UNSPECIFIED 0x349f "cause 31: cleared normally, for no stated reason"
    NO_CHANNEL 0x34a2 "cause 34: no B channel is free"
    TEMPORARY_FAILURE 0x34a9 "cause 41: the network has a temporary failure"
    CONGESTION 0x34aa "cause 42: the network is congested"
    BEARER_NOT_AUTHORISED 0x34b9 "cause 57: the line may not make such calls"
    BEARER_NOT_AVAILABLE 0x34ba "cause 58: such calls are not available at the moment"
    INCOMPATIBLE_DESTINATION 0x34d8 "cause 88: the called side does not take such calls"
    RECOVERY_ON_TIMER 0x34e6 "cause 102: a timer of the network expired"
}

impl Info {
    /// Whether it was done; codes below 0x100 only warn.
    pub fn is_success(self) -> bool {
        self.0 & 0xff00 == 0
    }

    /// The cause of Q.931, 1 to 127, if the network gave one.
    pub fn cause(self) -> Option<u8> {
        match self.0.to_be_bytes() {
            [0x34, cause] if cause > 0x80 => Some(cause & 0x7f),
            _ => None,
        }
    }

    /// The code of a cause of Q.931.
    pub fn of_cause(cause: u8) -> Self {
        Self(u16::from_be_bytes([0x34, 0x80 | cause]))
    }
}

codes! {
    /// What to do with a call (`CONNECT_RESP`).
    Reject, otherwise "rejected with a cause of Q.931 or a code that CAPI does not define";
    ACCEPT 0 "accept the call"
    IGNORE 1 "ignore the call: it is for somebody else on the bus"
    NORMAL_CLEARING 2 "reject the call, normal clearing"
    BUSY 3 "reject the call, busy"
    NO_CHANNEL 4 "reject the call, no channel is available"
    FACILITY_REJECTED 5 "reject the call, facility rejected"
    CHANNEL_UNACCEPTABLE 6 "reject the call, channel unacceptable"
    INCOMPATIBLE_DESTINATION 7 "reject the call, incompatible destination"
    OUT_OF_ORDER 8 "reject the call, destination out of order"
}

codes! {
    /// What to do with a connection (`CONNECT_B3_RESP`).
    RejectB3, otherwise "a code that CAPI does not define";
    ACCEPT 0 "accept the connection"
    REJECT 2 "reject the connection"
}
